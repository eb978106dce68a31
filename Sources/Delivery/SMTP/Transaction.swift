import Core

/// One message's way over a connection.
struct Transaction {
    /// Where the content is.
    enum Content {
        /// Not asked for yet: the answer to DATA is not there.
        case waiting
        /// The server waits for it.
        case asked
        /// Part of it is on its way.
        case leaving
    }

    /// What is to be sent.
    let message: OutgoingMessage
    /// Whether the connection had carried a message before.
    ///
    /// A server may close a used connection whenever it likes, which then says nothing about the row.
    let isFirst: Bool
    /// Whether any of its commands was answered.
    var isAnswered = false
    /// The refusal that decides, if one came.
    var refusal: AttemptResult?
    /// Whether MAIL was refused, so that no transaction is open at the server.
    var isMailRefused = false
    /// The ledger's word; `nil` until it comes.
    var isDurable: Bool?
    /// Where the content is.
    var content = Content.waiting
    /// Writes it.
    var stuffer = DotStuffer()

    init(_ message: OutgoingMessage, isFirst: Bool) {
        self.message = message
        self.isFirst = isFirst
    }

    /// The attempt's end.
    func ended(_ result: AttemptResult) -> Step.Ending {
        Step.Ending(ticket: message.ticket, result: result)
    }
}
