import Core
import NIOCore

/// One message's way through a window.
struct Flight {
    /// What is to be sent; its content is let go as soon as it was written.
    private(set) var message: OutgoingMessage
    /// How many octets the content has.
    let octets: Int
    /// How many of them were written.
    private(set) var written = 0
    /// Whether the ledger holds that the row is being tried.
    var isDurable = false
    /// Whether any of its commands was answered.
    var isAnswered = false
    /// The refusal that decides, if one came.
    var refusal: AttemptResult?
    /// Whether the attempt was ended before all of the content was out.
    var isGivenUp = false

    init(_ message: OutgoingMessage) {
        self.message = message
        octets = message.content.count
    }

    /// Whether the server can have all of it.
    var isWhole: Bool {
        written == octets
    }

    /// Writes as much of the content as may go in one piece; returns how much that was.
    mutating func write(limit: Int, into output: inout ByteBuffer) -> Int {
        let count = min(limit, octets - written)
        output.writeBytes(message.content[written..<(written + count)])
        written += count
        if isWhole { message.content = [] }
        return count
    }

    /// The attempt's end.
    func ended(_ result: AttemptResult) -> Step.Ending {
        Step.Ending(ticket: message.ticket, result: result)
    }
}
