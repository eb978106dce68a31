public import Core

/// What came back from one job: its events, folded row by row.
///
/// Each event counts once, and every fetch is an event: a person who opens a message twice is two opens. Requests that a
/// program made (`HEAD`, prefetch) count apart and are no opens or clicks. The order does not matter, so that events of
/// several servers may come as they come. Only rows from which something came back take memory.
public struct JobActivity: Sendable {
    /// The job.
    public let job: JobID
    private var rows: [UInt32: RowActivity] = [:]

    /// Nothing has come back yet.
    public init(job: JobID) {
        self.job = job
    }

    /// Takes in an event; `false` if it is another job's.
    @discardableResult
    public mutating func apply(_ event: Event) -> Bool {
        guard event.job == job else { return false }
        rows[event.row.value, default: RowActivity()].apply(event)
        return true
    }

    /// What came back from one row.
    public subscript(row: RowNumber) -> RowActivity {
        rows[row.value] ?? RowActivity()
    }

    /// How many rows something came back from.
    public var count: Int {
        rows.count
    }
}

extension RowActivity {
    /// Takes in one of the row's events.
    public mutating func apply(_ event: Event) {
        let time = event.time
        switch (event.kind, event.audience) {
        case (.open, .human): opens.count(at: time)
        case (.open, .automated): automatedOpens.count(at: time)
        case (.click, .human):
            clicks.count(at: time)
            if let link = event.link { clicksByLink[link, default: 0] += 1 }
        case (.click, .automated): automatedClicks.count(at: time)
        case (.unsubscribe, _): unsubscribedAt = min(unsubscribedAt ?? time, time)
        case (.bounce, _): bouncedAt = min(bouncedAt ?? time, time)
        case (.complaint, _): complainedAt = min(complainedAt ?? time, time)
        case (.pickup, _), (.resubscribe, _), (.subscribe, _), (.confirm, _): break
        }
    }
}
