/// One thing that came back from a row's message, as `tracking-events.csv` has it.
public struct TrackedEvent: Hashable, Sendable {
    /// What happened, such as `open`, `click` or `unsubscribe`.
    public var kind: String
    /// When, in milliseconds since 1970.
    public var milliseconds: Int64
    /// Which of the message's links, from 1; 0 is the decoy that nobody sees.
    public var link: Int?
    /// Whether a program did it, by all that is known of the message's requests.
    public var isAutomated: Bool
    /// Why we think so, in one word; of a message that came back, why it did.
    public var why: String
    /// The device's family; empty for what no device did.
    public var device: String
    /// Tells the devices of one message apart; empty if that is not known.
    public var visitor: String
    /// The address, as far as the site keeps it.
    public var address: String
    /// The country's code, if it was looked up.
    public var country: String
    /// The region's name.
    public var region: String
    /// The city's name.
    public var city: String

    /// Describes an event.
    public init(
        kind: String,
        milliseconds: Int64,
        link: Int? = nil,
        isAutomated: Bool = false,
        why: String = "",
        device: String = "",
        visitor: String = "",
        address: String = "",
        country: String = "",
        region: String = "",
        city: String = ""
    ) {
        self.kind = kind
        self.milliseconds = milliseconds
        self.link = link
        self.isAutomated = isAutomated
        self.why = why
        self.device = device
        self.visitor = visitor
        self.address = address
        self.country = country
        self.region = region
        self.city = city
    }
}
