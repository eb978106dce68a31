internal import DequeModule
internal import NIOCore
internal import Web

/// Answers the requests of one event loop, after their events are on the disk.
///
/// Events gather for as long as the log is busy with the last ones: one message to the log and one back for all of them, however
/// many they are, and none for each.
final class TrackingResponder: WebResponder {
    private struct Waiting {
        var exchange: any WebExchange
        var done: WebAnswer
        var failed: WebAnswer
    }

    private let site: TrackingSite
    private let log: EventLog
    private let counters: TrackingCounters
    private let eventLoop: any EventLoop
    private var batch = EventBatch()
    private var waiting: [Waiting] = []
    /// Those whose events the log has.
    private var written: [Waiting] = []
    /// Whether the log has some, or will at the end of this round of the event loop.
    private var isBusy = false

    init(_ site: TrackingSite, _ log: EventLog, _ counters: TrackingCounters, _ eventLoop: any EventLoop) {
        self.site = site
        self.log = log
        self.counters = counters
        self.eventLoop = eventLoop
    }

    func respond(to request: WebRequest, _ exchange: any WebExchange) {
        switch site.reply(to: request) {
        case .answer(let answer):
            counters.answered(answer.status)
            exchange.answer(answer)
        case .record(let events, let done, let failed):
            for event in events {
                batch.append(event)
                counters.count(event.kind)
            }
            waiting.append(Waiting(exchange: exchange, done: done, failed: failed))
            if !isBusy {
                isBusy = true
                // When all connections that have something to say were heard.
                let this = NIOLoopBound(self, eventLoop: eventLoop)
                eventLoop.execute { this.value.submit() }
            }
        case .unknown:
            exchange.answer(.text(404, "not found\n"))
        }
    }

    private func submit() {
        let events = batch
        batch = EventBatch(like: events)
        swap(&waiting, &written)
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        log.append(events) { refused in
            let isDurable = refused == nil
            eventLoop.execute { this.value.settle(isDurable) }
        }
    }

    private func settle(_ isDurable: Bool) {
        // What comes meanwhile goes out first: the disk works while these are answered.
        var answered = written
        written = []
        isBusy = !batch.isEmpty
        if isBusy { submit() }
        for waiting in answered {
            let answer = isDurable ? waiting.done : waiting.failed
            counters.answered(answer.status)
            waiting.exchange.answer(answer)
        }
        answered.removeAll(keepingCapacity: true)
    }
}
