import Compose
import Core
import Delivery
import Dispatch
import Synchronization

/// A message that was made ahead; a class, so that rows without one, which are most, stay small.
final class MessageAhead: Sendable {
    let message: OutgoingMessage

    init(_ message: OutgoingMessage) {
        self.message = message
    }
}

/// Makes a job's messages: for a row the same bytes whenever and by whomever they are asked for.
final class MessageMaker: Sendable {
    private let job: PreparedJob
    private let scratches = Mutex<[Scratch]>([])
    /// About how long a message gets.
    private let usualLength = Atomic<Int>(0)

    init(_ job: PreparedJob) {
        self.job = job
    }

    /// Whether messages are made before connections ask for them.
    ///
    /// An RSA signature takes as long as all else that a message needs, six times over. Made where messages are sent, each would keep
    /// the others of its event loop waiting, and what else goes in batches (reads, writes to the ledger) would go one by one.
    var isAhead: Bool { job.composer.isSigning }

    /// The message for the next attempt at a row.
    func render(_ ready: borrowing ReadyRow) throws(ComposeProblem) -> OutgoingMessage {
        var scratch = scratches.withLock { $0.popLast() } ?? Scratch()
        defer { scratches.withLock { $0.append(scratch) } }
        var content: [UInt8] = []
        content.reserveCapacity(usualLength.load(ordering: .relaxed))
        let identity = job.run.messages.identity(of: ready.row.number)
        let facts = try job.composer.compose(
            row: ready.row,
            identity: identity,
            date: job.run.takenUp,
            attachments: ready.attachments,
            context: job.context(ready.row, recipient: ready.recipient),
            scratch: &scratch,
            into: &content
        )
        // A little more than this one has, so that the next ones need not grow.
        usualLength.store(content.count + content.count / 16, ordering: .relaxed)
        var message = OutgoingMessage(
            ticket: Ticket(row: ready.row.number, attempt: ready.attempts + 1),
            sender: job.envelopeSender(of: ready.row.number, recipient: ready.recipient),
            recipient: ready.recipient,
            content: content,
            headersNeedUTF8: facts.headersNeedUTF8
        )
        message.envelopeID = identity.messageID
        return message
    }

    /// Renders rows on all cores, each into itself; one that cannot be rendered is left as it is, and ends where it is sent.
    func render(_ rows: inout [ReadyRow]) {
        let batch = rows
        let made = Mutex([MessageAhead?](repeating: nil, count: batch.count))
        DispatchQueue.concurrentPerform(iterations: batch.count) { index in
            guard let message = try? render(batch[index]) else { return }
            made.withLock { $0[index] = MessageAhead(message) }
        }
        made.withLock { messages in
            for index in rows.indices { rows[index].ahead = messages[index] }
        }
    }
}
