import Core
import Files
import Tracking

/// What came back before, as the events have it: so that no report counts twice, whichever process reads it and whatever
/// happened to the one before.
struct BounceBook {
    /// Sixteen bytes or so for each report; the events stay on the disk.
    private var seen: Set<UInt64> = []
    private var jobs: [JobID: UInt64] = [:]
    /// When mailboxes bounced softly, and the last bounce that had a consequence; events of several files come in any order.
    private var soft: [AddressTag: (since: Int64, times: [Int64])] = [:]
    /// When something last came back from a job.
    private(set) var latest: [JobID: Int64] = [:]
    private let reader: EventReader
    private let after: Int
    private let window: Int64

    /// Reads a site's events.
    ///
    /// - Parameters:
    ///   - reader: Follows the events, from their beginning.
    ///   - after: How many soft bounces of a mailbox keep all mail from it.
    ///   - days: In how many days they must happen.
    init(_ reader: EventReader, after: Int, days: Int) {
        self.reader = reader
        self.after = after
        window = Int64(days) * 86_400_000
    }

    /// Takes in what other processes appended.
    mutating func refresh() throws {
        // Not in place: the closure cannot hold a value that is being changed.
        var events: [Event] = []
        repeat {
            events.removeAll(keepingCapacity: true)
            try reader.poll { if Self.isOurs($0) { events.append($0) } }
            for event in events { note(event) }
        } while !events.isEmpty
    }

    /// Takes in an event; `false` if one that says the same was there before.
    @discardableResult
    mutating func note(_ event: Event) -> Bool {
        if event.kind == .resubscribe {
            // Who came back may leave again.
            seen.remove(identity(event, 3))
            return true
        }
        guard let identity = identity(of: event), seen.insert(identity).inserted else { return false }
        latest[event.job] = max(latest[event.job] ?? .min, event.milliseconds)
        if event.kind == .bounce, let tag = event.tag {
            switch event.consequence {
            case .count:
                let since = soft[tag]?.since ?? .min
                if event.milliseconds > since { soft[tag, default: (since, [])].times.append(event.milliseconds) }
            case .suppress:
                let since = max(soft[tag]?.since ?? .min, event.milliseconds)
                soft[tag] = (since, (soft[tag]?.times ?? []).filter { $0 > since })
            case .nothing, nil: break
            }
        }
        return true
    }

    /// Whether a report that says the same was there before.
    mutating func has(_ event: Event) -> Bool {
        identity(of: event).map { seen.contains($0) } ?? false
    }

    /// Whether a soft bounce that happens now is one too many.
    mutating func isOneTooMany(_ tag: AddressTag, at now: Int64, after limit: Int?) -> Bool {
        // Older ones are of no use to anybody any more.
        soft[tag]?.times.removeAll { $0 < now - window }
        return (soft[tag]?.times.count ?? 0) + 1 >= (limit ?? after)
    }

    /// Events that other reports than ours make are none of ours: a browser may opt out again and again.
    private static func isOurs(_ event: Event) -> Bool {
        switch event.kind {
        case .bounce, .complaint, .resubscribe: true
        case .unsubscribe: event.why == ReturnedMailReader.byMail
        default: false
        }
    }

    /// A report is told from others by its message, by what it says happened, and by whether that is final.
    private mutating func identity(of event: Event) -> UInt64? {
        switch (event.kind, event.severity) {
        case (.bounce, .soft): identity(event, 0)
        case (.bounce, _): identity(event, 1)
        case (.complaint, _): identity(event, 2)
        case (.unsubscribe, _): identity(event, 3)
        default: nil
        }
    }

    private mutating func identity(_ event: Event, _ kind: UInt64) -> UInt64 {
        let job = jobs[event.job] ?? UInt64(jobs.count)
        jobs[event.job] = job
        return job << 34 | UInt64(event.row.value) << 2 | kind
    }
}
