/// What a site keeps of the addresses that opens and clicks come from.
public enum AddressKeeping: String, CaseIterable, Sendable {
    /// Nothing.
    case nothing = "none"
    /// The network: the first 24 bits of an IPv4 address, the first 48 of an IPv6 address.
    case truncated
    /// The whole address.
    case full
}
