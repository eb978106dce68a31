public import Core

/// A display name and an address, as `From` and `Reply-To` have them (RFC 5322 section 3.4, `mailbox`).
public struct Mailbox: Hashable, Sendable {
    /// The display name, without quotes; `nil` if there is none.
    public var displayName: HeaderValue?
    /// The address.
    public var address: Address

    /// Joins a name and an address.
    public init(displayName: HeaderValue? = nil, address: Address) {
        self.displayName = displayName
        self.address = address
    }
}
