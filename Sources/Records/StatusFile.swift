public import Core
public import Ledger

/// What `status.json` says of a job while it waits, runs or rests.
public struct JobStatus: Sendable {
    /// A file that steered the job, and what was made of it.
    public struct Obeyed: Hashable, Sendable {
        /// The file's name.
        public var file: String
        /// When it was obeyed, or answered.
        public var at: Timestamp
        /// What was done; never with a cell.
        public var what: String

        /// Notes what was done.
        public init(_ file: String, at: Timestamp, _ what: String) {
            self.file = file
            self.at = at
            self.what = what
        }
    }

    /// Where it stands.
    public var state: JobState
    /// Its identity, once its content is pinned.
    public var job: JobID?
    /// The manifest's name, once it could be read.
    public var name: String
    /// One sentence for a person; never with a cell.
    public var message: String
    /// How many rows are how far; `nil` until the rows were counted.
    public var counts: RowCounts?
    /// When it was taken up.
    public var takenUp: Timestamp?
    /// When it will go on, if it waits for its time.
    public var resumes: Timestamp?
    /// The time zones whose rows wait, and when they go on.
    public var zones: [(zone: String, resumes: Timestamp)]
    /// When its last row ended.
    public var finished: Timestamp?
    /// When this was written.
    public var updated: Timestamp
    /// Rows a second, lately.
    public var rowsPerSecond: Double
    /// What people dropped to steer the job, and what was made of it: the latest few, the last one last.
    public var obeyed: [Obeyed]
    /// What is tracked of its messages, once that is decided.
    public var tracking: JobTracking?

    /// Describes a job's standing; leave out what is not known.
    public init(
        _ state: JobState,
        job: JobID? = nil,
        name: String = "",
        message: String = "",
        counts: RowCounts? = nil,
        takenUp: Timestamp? = nil,
        resumes: Timestamp? = nil,
        zones: [(zone: String, resumes: Timestamp)] = [],
        finished: Timestamp? = nil,
        updated: Timestamp,
        rowsPerSecond: Double = 0,
        obeyed: [Obeyed] = [],
        tracking: JobTracking? = nil
    ) {
        self.state = state
        self.job = job
        self.name = name
        self.message = message
        self.counts = counts
        self.takenUp = takenUp
        self.resumes = resumes
        self.zones = zones
        self.finished = finished
        self.updated = updated
        self.rowsPerSecond = rowsPerSecond
        self.obeyed = obeyed
        self.tracking = tracking
    }

    static let file = "status.json"

    /// The file's text.
    var text: [UInt8] {
        JSONText.object { json in
            json.member("state", state.rawValue)
            json.member("message", message)
            json.member("job", job?.description ?? "")
            json.member("name", name)
            if let counts {
                json.member("rows", counts.total)
                json.object("counts") { json in
                    for status in RowStatus.allCases { json.member(status.rawValue, counts[status]) }
                    json.member("pending", counts[.pending] + counts[.retry])
                    json.member("under_way", counts[.tried])
                    json.member("deferred", counts[.deferred])
                }
            }
            json.member("rows_per_second", tenths: rowsPerSecond)
            json.member("taken_up_at", takenUp)
            json.member("resumes_at", resumes)
            if !zones.isEmpty {
                json.object("zones") { json in
                    for wait in zones { json.member(wait.zone, wait.resumes) }
                }
            }
            if let tracking {
                json.object("tracking") { json in
                    json.member("opens", tracking.opens.isOn)
                    json.member("clicks", tracking.clicks.isOn)
                    json.members(tracking)
                }
            }
            json.member("finished_at", finished)
            json.member("updated_at", updated)
            json.list("obeyed", obeyed) { json, one in
                json.member("file", one.file)
                json.member("at", one.at as Timestamp?)
                json.member("what", one.what)
            }
        }
    }
}
