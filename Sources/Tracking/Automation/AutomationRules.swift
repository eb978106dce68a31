/// What tells programs from people: rules about single requests, and about the order and pace of all requests for a message.
///
/// Read from one YAML file, in which each rule has its source; see `automation.yaml`, which is compiled in.
public struct AutomationRules: Hashable, Sendable {
    /// A header and the words of which one must stand in it, in any case.
    public struct Header: Hashable, Sendable {
        /// The header's name, lower case.
        public var name: String
        /// The words, lower case.
        public var words: [String]
    }

    /// A rule about one request; all that it names must hold, and of each list any one.
    public struct Rule: Hashable, Sendable {
        /// The word that it leaves in the event.
        public var reason: String
        /// What it bears on: opens, clicks or both.
        public var events: Set<Event.Kind>
        /// Texts of which one stands in the agent; lower case.
        public var agentHas: [String] = []
        /// Texts with one of which the agent starts; lower case.
        public var agentStarts: [String] = []
        /// Texts of which one is the agent; lower case.
        public var agentIs: [String] = []
        /// Methods of which one is the request's.
        public var methods: [String] = []
        /// A header that the request has.
        public var header: Header?
        /// Networks of which one holds the client's address.
        public var networks: [ClientNetwork] = []
        /// What kind of device it is, where the agent says another.
        public var device: DeviceFamily?
        /// Where the rule is from.
        public var source: String

        /// Whether it looks at the agent.
        var isAboutAgent: Bool {
            !(agentHas.isEmpty && agentStarts.isEmpty && agentIs.isEmpty)
        }
    }

    /// The rules about single requests, in their order; the first that fits has the word.
    public var rules: [Rule]
    /// The rules about order and pace.
    public var pace: Pace

    /// The rules that are compiled in.
    public static let shipped: AutomationRules = {
        do {
            return try parse(bytes: PackageResources.automation_yaml, file: "automation.yaml")
        } catch {
            preconditionFailure("the rules that are compiled in: \(error)")
        }
    }()

    /// The headers that rules look at, by their lower-case names.
    public var headerNames: [String] {
        Set(rules.compactMap(\.header?.name)).sorted()
    }
}

extension AutomationRules {
    /// What the order and the pace of a message's requests tell; each part is left out where the file has none.
    public struct Pace: Hashable, Sendable {
        /// A link that no person sees: the word for whoever followed it.
        public var decoy: String?
        /// For how many milliseconds before and after a request that a rule of this part caught the same visitor is a program.
        public var neighbours: Int64 = 0
        /// Sooner after the delivery than a person can be.
        public var afterDelivery: AfterDelivery?
        /// Different links at the same time, whoever follows them.
        public var sameSecond: Cluster?
        /// More links by one visitor than hands can follow.
        public var burst: Cluster?
        /// Nearly all links in their order, by one visitor.
        public var everyLink: EveryLink?
        /// A GET behind a HEAD of the same visitor: the word, and for how many milliseconds.
        public var afterHead: AfterHead?

        /// See ``Pace/afterDelivery``.
        public struct AfterDelivery: Hashable, Sendable {
            /// The word.
            public var reason: String
            /// How many milliseconds before the server's last answer still belong to the delivery.
            public var before: Int64
            /// Opens less than this many milliseconds later are a program's.
            public var opens: Int64
            /// Clicks less than this many milliseconds later are a program's.
            public var clicks: Int64
        }

        /// So many different links in less than a time.
        public struct Cluster: Hashable, Sendable {
            /// The word.
            public var reason: String
            /// How many links, at least.
            public var links: Int
            /// The time in milliseconds.
            public var milliseconds: Int64
        }

        /// See ``Pace/everyLink``.
        public struct EveryLink: Hashable, Sendable {
            /// The word.
            public var reason: String
            /// How many links, at least.
            public var least: Int
            /// How many of a hundred of the message's links are nearly all.
            public var share: Int
            /// The time in milliseconds.
            public var milliseconds: Int64
        }

        /// See ``Pace/afterHead``.
        public struct AfterHead: Hashable, Sendable {
            /// The word.
            public var reason: String
            /// The time in milliseconds.
            public var milliseconds: Int64
        }

        /// Nothing is told by pace.
        public init() {}
    }
}
