import Core
import Delivery
import Dispatch
import Files
import Intake
import Ledger
import Logging
import Synchronization
import Tracking

/// Keeps the lists, if no other process does, and has confirmation messages ready for the route.
///
/// Everything here waits for the disk: callers bring a thread for that.
final class SubscriptionOffice: Sendable {
    /// The most messages that go out in one run of the route.
    static let most = 64

    private let around: SubscriptionBook.Surroundings
    private let leases: Leases
    private let jobs: Directory
    /// `nil` while another process keeps the lists.
    private let book = Mutex<SubscriptionBook?>(nil)
    /// Where results are written down, in their order.
    private let queue = DispatchQueue(label: "wardpost.subscriptions")

    init(_ around: SubscriptionBook.Surroundings, lease: Duration) throws(EngineError) {
        self.around = around
        leases = Leases(in: try around.site.outbox("leases"), kind: "services", time: lease)
        jobs = try around.site.jobs()
    }

    /// Takes in all that is new, decides, and writes the tables; `false` if another process keeps the lists.
    @discardableResult
    func turn() throws -> Bool {
        try book.withLock { book in
            if book?.lease.isLost ?? false { book = nil }
            if book == nil {
                guard case .held(let lease) = try leases.take("subscribe") else { return false }
                book = try SubscriptionBook(around, lease: lease)
            }
            try book?.turn()
            return true
        }
    }

    /// Lets go of the lists, so that the next process may keep them at once.
    func close() {
        book.withLock { book in
            book?.lease.release(clean: true)
            book = nil
        }
    }

    // MARK: - Messages

    /// The messages that may go out now; `nil` if there are none, or all mail of the site is to stop.
    func nextBatch() throws -> ConfirmationBatch? {
        guard try around.site.stopAll(jobs) == nil else { return nil }
        return try book.withLock { book in
            guard let book, book.lease.isHeld else { return nil }
            let due = try book.due(at: .now, most: Self.most)
            guard !due.isEmpty else { return nil }
            var letter = try ConfirmationLetter(site: around.site, keys: around.keys, subscribe: around.subscribe)
            var messages: [OutgoingMessage] = []
            for (index, (id, wish)) in due.enumerated() {
                guard let address = wish.address else { continue }
                let ticket = Ticket(row: RowNumber(UInt32(index + 1)), attempt: wish.attempts + 1)
                messages.append(try letter.message(id, wish, to: address, ticket: ticket))
                book.sending.insert(id)
            }
            return ConfirmationBatch(messages, due.map { ($0.id, $0.wish) }, office: self, lease: book.lease)
        }
    }

    /// The route has ended: what it did not take goes with the next batch.
    func ended(_ wishes: [SubscriptionWish.ID]) async {
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                book.withLock { $0?.sending.subtract(wishes) }
                continuation.resume()
            }
        }
    }

    /// Writes down what became of a message, and says whether it is on the disk.
    func note(_ record: SubscriptionRecord, of list: String, then promise: DurabilityPromise? = nil) {
        queue.async { [self] in
            do {
                try book.withLock { book in
                    guard let book else { throw LeaseGone() }
                    try book.append([record], to: list)
                }
                promise?(true)
            } catch {
                around.log.error(
                    "a list's record cannot be written",
                    metadata: ["list": "\(list)", "cause": "\(error)"]
                )
                promise?(false)
            }
        }
    }

    /// When a message is tried again that was not taken.
    func due(afterAttempts attempts: Int) -> Timestamp {
        Timestamp.now + around.rules.backoff.delay(afterAttempts: attempts, spread: .random(in: 0...1))
    }

    private struct LeaseGone: Error, CustomStringConvertible {
        var description: String { "another process keeps the lists" }
    }
}

/// Confirmation messages on their way, each handed out once: what is tried is on the disk before its content goes.
final class ConfirmationBatch: MessageSource {
    private let messages: Mutex<[OutgoingMessage]>
    private let wishes: [(id: SubscriptionWish.ID, list: String)]
    private let office: SubscriptionOffice
    private let lease: Lease
    private let tried = Mutex<Set<RowNumber>>([])

    init(
        _ messages: [OutgoingMessage],
        _ wishes: [(SubscriptionWish.ID, SubscriptionDesk.Wish)],
        office: SubscriptionOffice,
        lease: Lease
    ) {
        self.messages = Mutex(messages.reversed())
        self.wishes = wishes.map { ($0.0, $0.1.list) }
        self.office = office
        self.lease = lease
    }

    /// The wishes that it is about.
    var ids: [SubscriptionWish.ID] { wishes.map(\.id) }

    func next() -> NextMessage {
        guard lease.isHeld, let message = messages.withLock({ $0.popLast() }) else { return .finished }
        return .message(message)
    }

    func willTransmit(_ message: Ticket, then promise: DurabilityPromise) {
        let (id, list) = wish(message)
        _ = tried.withLock { $0.insert(message.row) }
        office.note(SubscriptionRecord(.tried, wish: id, attempt: message.attempt), of: list, then: promise)
    }

    func mayTransmit() -> Bool {
        lease.isHeld
    }

    func ended(_ message: Ticket, _ result: AttemptResult) {
        let (id, list) = wish(message)
        let reason = result.reason == .none ? nil : result.reason.rawValue
        switch result.verdict {
        case .accepted: note(.sent, id, list, message.attempt, reason)
        case .refused: note(.failed, id, list, message.attempt, reason)
        case .unknown: note(.unknown, id, list, message.attempt, reason)
        case .deferred, .held:
            put(off: id, list, message.attempt, reason, due: office.due(afterAttempts: message.attempt))
        case .notTried:
            // The record may say that it was about to go out, and must not be left saying so.
            guard tried.withLock({ $0.contains(message.row) }) else { return }
            put(off: id, list, message.attempt - 1, reason, due: .now)
        }
    }

    private func note(
        _ operation: SubscriptionRecord.Operation,
        _ id: SubscriptionWish.ID,
        _ list: String,
        _ attempt: Int,
        _ reason: String?
    ) {
        office.note(SubscriptionRecord(operation, wish: id, attempt: attempt, reason: reason), of: list)
    }

    private func put(
        off id: SubscriptionWish.ID,
        _ list: String,
        _ attempt: Int,
        _ reason: String?,
        due: Timestamp
    ) {
        let record = SubscriptionRecord(.deferred, wish: id, attempt: attempt, due: due, reason: reason)
        office.note(record, of: list)
    }

    private func wish(_ message: Ticket) -> (id: SubscriptionWish.ID, list: String) {
        wishes[Int(message.row.value) - 1]
    }
}
