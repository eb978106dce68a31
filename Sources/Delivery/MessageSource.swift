public import Core

/// One attempt at one row, as the caller knows it; Delivery hands it back unchanged.
public struct Ticket: Hashable, Sendable {
    /// The row.
    public let row: RowNumber
    /// Which attempt this is, from 1.
    public let attempt: Int
    /// Whatever the caller wants to find again; not looked at.
    public let tag: UInt64

    /// Creates a ticket.
    public init(row: RowNumber, attempt: Int, tag: UInt64 = 0) {
        self.row = row
        self.attempt = attempt
        self.tag = tag
    }
}

/// One finished message on its way to one recipient.
public struct OutgoingMessage: Sendable {
    /// The attempt that it belongs to.
    public var ticket: Ticket
    /// The envelope's sender (`MAIL FROM`).
    public var sender: Address
    /// The one recipient (`RCPT TO`).
    public var recipient: Address
    /// Header and body: lines that end with CR LF, the last one too, and no dots doubled.
    ///
    /// A lone CR or LF becomes CR LF on the wire.
    public var content: [UInt8]
    /// Whether `content` holds bytes above 127 in its body, so that the server must have 8BITMIME.
    public var isEightBit: Bool
    /// Whether header fields hold raw UTF-8, so that the server must have SMTPUTF8.
    public var headersNeedUTF8: Bool
    /// What notices about the message shall name it by (ENVID, RFC 3461): up to 100 printable ASCII characters without `+` and `=` that mean
    /// nothing to others; empty for none.
    public var envelopeID = ""

    /// Creates a message; content is taken as it is.
    public init(
        ticket: Ticket,
        sender: Address,
        recipient: Address,
        content: [UInt8],
        isEightBit: Bool = false,
        headersNeedUTF8: Bool = false
    ) {
        self.ticket = ticket
        self.sender = sender
        self.recipient = recipient
        self.content = content
        self.isEightBit = isEightBit
        self.headersNeedUTF8 = headersNeedUTF8
    }
}

/// What a source answers when a connection could take a message.
public enum NextMessage: Sendable {
    /// Send this.
    case message(OutgoingMessage)
    /// Nothing now; ``RouteSender/wake()`` is called when there is something.
    case later
    /// Nothing now, and nothing will come: connections say goodbye.
    case finished
}

/// Where a route's messages come from, and where their results go.
///
/// Called on event loops by several connections at once, so it must be quick, thread-safe, and never block.
///
/// For each message that ``next()`` gave out, ``ended(_:_:)`` is called exactly once. ``willTransmit(_:then:)`` is called at
/// most once and always before ``ended(_:_:)``; the answer may be overtaken by it, and is then ignored.
public protocol MessageSource: Sendable {
    /// The next message to send.
    ///
    /// Called when a verified session is ready for it, and not before.
    func next() -> NextMessage

    /// About how many messages ``next()`` could give now: connections are made for so many at once.
    ///
    /// One that it leaves out is found by the next connection that asks, or told by ``RouteSender/wake()``.
    var waiting: Int { get }

    /// Says that the message is about to go out.
    ///
    /// `promise` is kept with `true`, from any thread, as soon as the ledger holds durably that the row was tried; with `false`
    /// if the message shall not go out after all. No byte of the message's content leaves before. The sooner it comes the
    /// better: meanwhile the server answers the envelope.
    func willTransmit(_ message: Ticket, then promise: DurabilityPromise)

    /// Whether messages may still go out.
    ///
    /// Asked in the very step that writes a message's content, long after ``willTransmit(_:then:)`` perhaps; if not, the message
    /// is given back and the connection ends.
    func mayTransmit() -> Bool

    /// What became of the attempt.
    func ended(_ message: Ticket, _ result: AttemptResult)
}

extension MessageSource {
    /// A source that does not know: one more, perhaps.
    public var waiting: Int { 1 }

    /// A source whose right to send does not run out.
    public func mayTransmit() -> Bool { true }
}
