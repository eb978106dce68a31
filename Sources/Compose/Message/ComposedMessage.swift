/// What the sender has to know of a message besides its bytes.
public struct ComposedMessage: Hashable, Sendable {
    /// Whether an address in the header has other characters than ASCII.
    ///
    /// The server must then have SMTPUTF8 (RFC 6531). Everything else of a message is 7-bit.
    public let headersNeedUTF8: Bool
}

/// Buffers that are used again from message to message; one for each thread that composes.
public struct Scratch: Sendable {
    var subject: [UInt8] = []
    var text: [UInt8] = []
    var html: [UInt8] = []
    var name: [UInt8] = []
    var canonical: [UInt8] = []

    /// Creates empty buffers; they grow with the first messages.
    public init() {}
}
