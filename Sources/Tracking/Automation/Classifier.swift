internal import Synchronization

/// What a request tells about who made it.
public struct RequestFacts: Sendable {
    /// What is asked for.
    public var kind: Event.Kind
    /// The method.
    public var method: String
    /// What the program calls itself.
    public var agent: String
    /// Where it comes from, if that is known.
    public var address: ClientAddress?
    /// A header's value by its lower-case name; `nil` where there is none.
    public var header: @Sendable (String) -> String?

    /// Collects the facts of a request.
    public init(
        kind: Event.Kind = .open,
        method: String,
        agent: String = "",
        address: ClientAddress? = nil,
        header: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.kind = kind
        self.method = method
        self.agent = agent
        self.address = address
        self.header = header
    }
}

/// Decides by the rules whether a person or a program made a request.
///
/// The first rule that fits has the word. What the rules say of an agent is worked out once and kept, so that a request costs
/// one look into a table and one at each header that the rules name.
public struct Classifier: Sendable {
    /// Who it was, and why we think so.
    public typealias Verdict = (audience: Event.Audience, why: String)

    /// What its rules come to; `nil` for those that are compiled in.
    private let own: RuleBook?

    /// One that follows the rules that are compiled in, for all who have no others; they are read when the first request is to be
    /// told, which a job that nobody has answered yet does without.
    public static let shipped = Classifier()

    /// The word where no rule fits.
    public static let person = "request"

    private init() {
        own = nil
    }

    /// Takes rules.
    public init(_ rules: AutomationRules) {
        own = RuleBook(rules)
    }

    private var book: RuleBook { own ?? .shipped }

    /// The rules.
    public var rules: AutomationRules { book.rules }

    /// What a reason says of the device, where the agent says another.
    var devices: [String: DeviceFamily] { book.devices }

    /// Who made a request, and why we think so.
    public func classify(_ facts: RequestFacts) -> Verdict {
        classify(
            facts.kind,
            method: facts.method,
            agent: facts.agent,
            address: facts.address,
            header: facts.header
        )
    }

    /// The same without collecting the facts first; `header` gives a header's value by its lower-case name.
    public func classify(
        _ kind: Event.Kind,
        method: String,
        agent: String,
        address: ClientAddress?,
        header: (String) -> String?
    ) -> Verdict {
        first(of: book.knowledge(of: agent).rules, kind, method, address, header)
    }

    /// The same where nothing is known of the request's address and headers.
    func classify(_ kind: Event.Kind, method: String, agent: String) -> Verdict {
        first(of: book.knowledge(of: agent).plainRules, kind, method, nil) { _ in nil }
    }

    /// The device that an agent tells of.
    func device(of agent: String) -> DeviceFamily {
        book.knowledge(of: agent).device
    }

    /// What the first of some rules that fits says.
    private func first(
        of candidates: [Int],
        _ kind: Event.Kind,
        _ method: String,
        _ address: ClientAddress?,
        _ header: (String) -> String?
    ) -> Verdict {
        let rules = book.rules.rules
        for index in candidates {
            // Field by field: a rule as a whole is dear to copy.
            guard rules[index].events.contains(kind) else { continue }
            if !rules[index].methods.isEmpty, !rules[index].methods.contains(method) { continue }
            if !rules[index].networks.isEmpty {
                guard let address, rules[index].networks.contains(where: { $0.contains(address) }) else {
                    continue
                }
            }
            if let wanted = rules[index].header {
                guard let value = header(wanted.name) else { continue }
                let text = value.lowercased()
                guard wanted.words.contains(where: { text.contains($0) }) else { continue }
            }
            return (.automated, rules[index].reason)
        }
        return (.human, Self.person)
    }
}

/// Rules, made ready to be asked, and what was worked out by them.
private final class RuleBook: Sendable {
    /// What the compiled-in rules come to; all who follow them work things out once.
    static let shipped = RuleBook(.shipped)

    let rules: AutomationRules
    /// What a reason says of the device, where the agent says another.
    let devices: [String: DeviceFamily]
    private let finder: TextFinder
    private let cache = AgentCache()

    init(_ rules: AutomationRules) {
        self.rules = rules
        devices = rules.rules.reduce(into: [:]) { devices, rule in
            if let device = rule.device { devices[rule.reason] = device }
        }
        finder = TextFinder(
            rules.rules.enumerated().flatMap { index, rule in rule.agentHas.map { (text: $0, id: index) } }
        )
    }

    /// What the rules say of an agent alone.
    func knowledge(of agent: String) -> AgentKnowledge {
        if let known = cache[agent] { return known }
        let bytes = [UInt8](lowercasing: agent)
        var found: Set<Int> = []
        finder.find(in: bytes) { found.insert($0) }
        let candidates = rules.rules.indices.filter { index in
            let rule = rules.rules[index]
            return !rule.isAboutAgent || found.contains(index)
                || rule.agentStarts.contains { bytes.starts(with: $0.utf8) }
                || rule.agentIs.contains { bytes.elementsEqual($0.utf8) }
        }
        let knowledge = AgentKnowledge(
            rules: candidates,
            plainRules: candidates.filter { rules.rules[$0].networks.isEmpty && rules.rules[$0].header == nil },
            device: DeviceFamily(agent: agent)
        )
        cache[agent] = knowledge
        return knowledge
    }
}

/// What is worked out of an agent once.
private struct AgentKnowledge {
    /// The rules that it does not rule out, in their order.
    var rules: [Int]
    /// Those of them that ask for no address and no header.
    var plainRules: [Int]
    var device: DeviceFamily
}

/// What was worked out of the agents seen lately; given up as a whole when it is full, since whoever makes up agents would
/// otherwise fill the memory.
private final class AgentCache: Sendable {
    private static let most = 4_096
    private static let longest = 512

    private let known = Mutex<[String: AgentKnowledge]>([:])

    subscript(agent: String) -> AgentKnowledge? {
        get {
            known.withLock { $0[agent] }
        }
        set {
            guard agent.utf8.count <= Self.longest else { return }
            known.withLock { known in
                if known.count >= Self.most { known.removeAll(keepingCapacity: true) }
                known[agent] = newValue
            }
        }
    }
}
