public import Core
import YAML

extension SiteConfiguration {
    /// Where mail about our messages comes back, and what it leads to.
    public struct Bounces: Hashable, Sendable {
        /// The domain of return paths, in A-labels and lower case.
        public var domain: Placed<String>
        /// The Maildir to which mail for it is delivered, relative to the site or absolute; `nil` if nothing is watched.
        public var maildir: Placed<String>?
        /// The site's own rules of what a bounce means; those that come with the program without it.
        public var rules: Placed<String>?
        /// How many soft bounces of a mailbox keep all mail from it.
        public var after = 3
        /// In how many days they must happen.
        public var days = 30
        /// When complaints halt a job; `nil` if they never do.
        public var complaints: Complaints?

        /// Names the domain; the rest has its usual value.
        public init(domain: Placed<String>) {
            self.domain = domain
        }
    }

    /// How many complaints a job may have before it stops and waits for a person.
    public struct Complaints: Hashable, Sendable {
        /// The share of rows with a complaint, among those that were sent, that must not be passed.
        public var share: Percentage
        /// How many complaints there must be before the share means anything.
        public var minimum: Int

        /// Sets the measure.
        public init(share: Percentage, minimum: Int) {
            self.share = share
            self.minimum = minimum
        }

        /// The same, for those who know no configuration.
        public var limit: ComplaintLimit { ComplaintLimit(permille: share.permille, minimum: minimum) }
    }
}

extension SiteConfiguration.Bounces {
    /// With the longest token, an address of the domain still fits a path of 254 octets.
    private static let longestDomain = 190

    /// Reads `bounces`; `nil` if it is not there.
    static func read(_ reader: MappingReader) -> Self? {
        let known = ["domain", "maildir", "rules", "after", "within", "complaint_share", "complaint_minimum"]
        guard let fields = reader.mapping("bounces", known: known) else { return nil }
        let domain = fields.text("domain", required: true).flatMap { text in
            fields.domain(text).map { Placed($0, at: text.place) }
        }
        if let domain, domain.value.utf8.count > longestDomain {
            fields.problems.report(
                "\(fields.name("domain")) is longer than \(longestDomain) bytes",
                at: domain.place,
                fix: "take a shorter one: a token stands before it"
            )
        }
        let maildir = maildir(fields)
        let rules = fields.fileName("rules", rules: .site)
        let after = fields.number("after", in: 1...1_000)
        let within = fields.value("within", expected: "a number of days such as 30 days", read(days:))
        let share = fields.value(
            "complaint_share",
            expected: "a share such as 0.3%",
            fix: "write a number from 0.1 to 99.9 and %"
        ) { Percentage($0) }
        let minimum = fields.number("complaint_minimum", in: 1...1_000_000)
        if let place = fields.keyPlace("complaint_minimum"), fields.keyPlace("complaint_share") == nil {
            fields.problems.report(
                "\(fields.name("complaint_minimum")) means nothing without \(fields.name("complaint_share"))",
                at: place,
                fix: "add `complaint_share: 0.3%`, or remove the line"
            )
        }
        guard let domain else { return nil }
        var bounces = Self(domain: domain)
        bounces.maildir = maildir
        bounces.rules = rules
        bounces.after = after?.value ?? bounces.after
        bounces.days = within?.value ?? bounces.days
        bounces.complaints = share.map { .init(share: $0.value, minimum: minimum?.value ?? 3) }
        return bounces
    }

    private static func maildir(_ fields: MappingReader) -> Placed<String>? {
        guard let maildir = fields.fileName("maildir", rules: .site) else { return nil }
        for room in ["jobs", "outbox"] where maildir.value == room || maildir.value.hasPrefix(room + "/") {
            fields.problems.report(
                "\(fields.name("maildir")) cannot lie in \(room)/, where others look for something else",
                at: maildir.place,
                fix: "name a directory outside, such as /var/mail/bounces"
            )
            return nil
        }
        return maildir
    }

    /// `30 days`, `1 day`.
    private static func read(days text: String) -> Int? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1] == "days" || parts[1] == "day", let number = WholeNumber.read(parts[0]),
            (1...3_650).contains(number)
        else { return nil }
        return number
    }
}
