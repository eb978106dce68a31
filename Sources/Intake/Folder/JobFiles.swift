/// The names that mean something in a job folder, in one place.
public enum JobFiles {
    /// What the job is.
    public static let manifest = "manifest.yaml"
    /// Digests of the job's files, as `sha256sum` writes them.
    public static let checksums = "SHA256SUMS"

    /// A file that a person drops to steer the job.
    public enum Control: String, CaseIterable, Sendable {
        /// The upload is complete; do not wait for the folder to settle.
        case ready = "READY"
        /// Send nothing while this is here.
        case pause = "PAUSE"
        /// End the job.
        case stop = "STOP"
        /// Try again what was not sent; `unknown` rows only if the file names them.
        case retry = "RETRY"
        /// Send content that was sent before.
        case confirm = "CONFIRM"
    }

    /// A file that says how the job ended.
    public enum Marker: String, CaseIterable, Sendable {
        /// Every row has its final state.
        case done = "DONE"
        /// The job cannot be sent as it is.
        case rejected = "REJECTED"
        /// The job waits for a person.
        case held = "HELD"
        /// Somebody ended it.
        case stopped = "STOPPED"
    }

    /// While this lies in the drop area or at the site's top, all jobs are stopped and none is taken up.
    public static let stopAll = "STOP-ALL"

    /// The job's state while it runs.
    public static let status = "status.json"
    /// What is wrong with the job's files.
    public static let problems = "problems.csv"
    /// What became of each row.
    public static let results = "results.csv"
    /// What recipients did with the messages.
    public static let tracking = "tracking.csv"
    /// The same, event by event.
    public static let trackingEvents = "tracking-events.csv"
    /// The totals for programs.
    public static let summary = "summary.json"
    /// What the system that the recipients came from should know of its addresses.
    public static let updates = "ehr-updates.csv"
    /// The totals for people.
    public static let summaryPage = "summary.html"
    /// What a signature's name has after the name of the signed file.
    public static let signatureSuffix = ".sig"

    /// All that we write beside a job.
    public static let written: Set<String> = {
        let signed = [results, tracking, trackingEvents, summary, updates]
        let markers = Marker.allCases.map(\.rawValue)
        return Set([status, problems, summaryPage] + signed + signed.map { $0 + signatureSuffix } + markers)
    }()

    private static let unfinishedSuffixes = [".part", ".partial", ".filepart", ".tmp", ".crdownload", "~"]

    /// Whether a name at the folder's top is ours: an output, or what a crash left of writing one.
    public static func isOurs(_ name: String) -> Bool {
        if written.contains(name) { return true }
        guard name.hasPrefix("."), name.hasSuffix(".tmp") else { return false }
        let rest = name.dropFirst()
        return written.contains { rest.hasPrefix($0 + ".") }
    }

    /// Whether a name at the folder's top is part of the job: neither ours nor a file that steers or vouches.
    public static func isContent(_ name: String) -> Bool {
        !isOurs(name) && Control(rawValue: name) == nil && name != checksums
    }

    /// Whether a name looks like an unfinished transfer, or like the lock of an office program that has the file open.
    public static func isUnfinished(_ name: String) -> Bool {
        if name.hasPrefix(".") || name.hasPrefix("~$") { return true }
        let name = name.lowercased()
        return unfinishedSuffixes.contains { name.hasSuffix($0) }
    }

    /// Why a name cannot be a file of a job; `nil` if it can.
    ///
    /// A name is one or more parts with `/` between, below the job folder. It is never unescaped, expanded or fetched.
    public static func objection(to path: String) -> String? {
        if path.isEmpty { return "the file's name is empty" }
        if path.utf8.first == UInt8(ascii: "/") { return "an absolute path is not taken" }
        if path.utf8.count > 1_024 { return "the file's name is too long" }
        if path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) {
            return "the file's name holds a control character"
        }
        if path.utf8.contains(UInt8(ascii: "\\")) { return "the file's name holds a backslash" }
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            switch part {
            case "": return "a part of the file's name is empty"
            case ".", "..": return "`..` and `.` are not taken in a file's name"
            default: if isUnfinished(String(part)) { return "the name looks like an unfinished transfer" }
            }
        }
        return nil
    }
}
