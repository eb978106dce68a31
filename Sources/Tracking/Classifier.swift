/// What a request tells about who made it.
public struct RequestFacts: Sendable {
    /// The method.
    public var method: String
    /// What the program calls itself.
    public var agent: String
    /// A header's value by its lower-case name; `nil` where there is none.
    public var header: @Sendable (String) -> String?

    /// Collects the facts of a request.
    public init(method: String, agent: String = "", header: @escaping @Sendable (String) -> String? = { _ in nil }) {
        self.method = method
        self.agent = agent
        self.header = header
    }
}

/// Decides whether a person or a program made a request.
///
/// The first rule that fits has the word.
public struct Classifier: Sendable {
    /// One rule: what it looks for, and the word that it leaves in the log.
    public struct Rule: Sendable {
        /// Why, in one word.
        public let why: String
        /// Who it is then.
        public let audience: Event.Audience
        /// Whether a request fits.
        public let fits: @Sendable (RequestFacts) -> Bool

        /// Makes a rule.
        public init(_ why: String, _ audience: Event.Audience, fits: @escaping @Sendable (RequestFacts) -> Bool) {
            self.why = why
            self.audience = audience
            self.fits = fits
        }

        /// A rule about a word in a header, in any case.
        static func header(_ name: String, has word: String, _ why: String) -> Rule {
            Rule(why, .automated) { facts in
                facts.header(name)?.lowercased().contains(word) ?? false
            }
        }
    }

    /// The rules in their order.
    public let rules: [Rule]

    /// Takes rules.
    public init(rules: [Rule] = Self.standard) {
        self.rules = rules
    }

    /// Who made a request, and why we think so; `request` is the word if no rule fits.
    public func classify(_ facts: RequestFacts) -> (audience: Event.Audience, why: String) {
        for rule in rules where rule.fits(facts) {
            return (rule.audience, rule.why)
        }
        return (.human, "request")
    }

    /// The rules that hold everywhere: methods and headers by which a program says itself that nobody is looking.
    public static let standard: [Rule] = [
        // RFC 9110 section 9.3.2: HEAD asks about a thing, it does not show it to anybody.
        Rule("head", .automated) { $0.method == "HEAD" },
        // https://wicg.github.io/nav-speculation/prefetch.html: `prefetch`, also `prefetch;prerender`.
        .header("sec-purpose", has: "prefetch", "prefetch"),
        .header("sec-purpose", has: "prerender", "prerender"),
        // Chromium before Sec-Purpose.
        .header("purpose", has: "prefetch", "prefetch"),
        // Gecko before Sec-Purpose.
        .header("x-moz", has: "prefetch", "prefetch"),
        // Safari: Top Sites and link previews.
        .header("x-purpose", has: "preview", "preview"),
        .header("purpose", has: "preview", "preview"),
    ]
}
