public import Core
public import Ledger

/// A job's totals, as `summary.json` tells them to programs and `summary.html` to people.
///
/// Made of nothing but the ledger and the events, with no look at the clock, so that it can be made again at any time
/// with the same bytes.
public struct Summary: Hashable, Sendable {
    /// Whether the job's messages carried a pixel and tracked links, and who decided that.
    public struct Switches: Hashable, Sendable {
        /// Opens are tracked.
        public var opens: Bool
        /// Clicks are tracked.
        public var clicks: Bool
        /// The rules behind both, and the rows left out; `nil` for jobs of a version that did not write it down.
        public var decided: JobTracking?

        /// Says what is tracked.
        public init(opens: Bool, clicks: Bool) {
            self.opens = opens
            self.clicks = clicks
        }

        /// What a job's ledger says; `nil` if it says nothing.
        public init?(_ run: RunState) {
            guard let decided = run.tracking else { return nil }
            self.init(opens: run.tracked.contains(.opens), clicks: run.tracked.contains(.clicks))
            self.decided = decided
        }
    }

    /// The job.
    public var job: LedgerHeader
    /// What the job as a whole has been through.
    public var run: RunState
    /// What became of its rows.
    public var outcomes: OutcomeTotals
    /// What came back.
    public var tracking: TrackingTotals
    /// What could come back.
    public var switches: Switches
    /// How many complaints the site puts up with; `nil` where it says nothing.
    public var complaintLimit: ComplaintLimit?

    /// Puts the parts together.
    public init(
        view: LedgerView,
        outcomes: OutcomeTotals,
        tracking: TrackingTotals,
        switches: Switches,
        complaintLimit: ComplaintLimit? = nil
    ) {
        job = view.header
        run = view.run
        self.outcomes = outcomes
        self.tracking = tracking
        self.switches = switches
        self.complaintLimit = complaintLimit
    }

    /// Whether more recipients complained than the site puts up with; most do so when the job has long ended.
    public var hasTooManyComplaints: Bool {
        complaintLimit?.isPassed(by: tracking.complained, of: outcomes[.sent]) ?? false
    }

    /// Where the job stands.
    public var state: JobState {
        if run.stopped == .halted { return .held }
        if run.stopped != nil { return .stopped }
        if outcomes.open > 0 { return run.isPaused ? .paused : .running }
        return .done
    }
}
