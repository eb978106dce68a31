public import Core
internal import Dispatch
public import Files
public import Ledger
internal import Synchronization

/// Writes a job's records beside it: results, tracking, summary, status, problems and the end's marker.
///
/// All of them are derived from the job's folder, its ledger and its events. Each is replaced as a whole, so that a reader
/// sees the old file or the new one.
public struct JobRecords: Sendable {
    private let folder: Directory
    private let signer: Signer
    private let permissions: UInt32

    /// Writes into a job's folder.
    ///
    /// The files can be read by whomever the folder lets in, and written by nobody else than us: they hold addresses.
    public init(folder: Directory, signer: Signer) throws(FileError) {
        self.folder = folder
        self.signer = signer
        permissions = 0o600 | (try folder.status().permissions & 0o044)
    }

    // MARK: - Signed records

    /// Writes `results.csv`, signed: one line for each row that has ended.
    ///
    /// - Parameters:
    ///   - texts: The rows' keys and addresses.
    ///   - view: The job's ledger.
    ///   - activity: What came back from a row's message; `nil` for nothing.
    @discardableResult
    public func writeResults(
        _ texts: some RowTexts,
        _ view: LedgerView,
        activity: (RowNumber) throws -> RowActivity? = { _ in nil }
    ) throws -> OutcomeTotals {
        try signer.replace(ResultsFile.name, in: folder, permissions: permissions) { writer in
            try ResultsFile.write(texts, view, activity, to: &writer)
        }
    }

    /// Ends a replacement of `results.csv` that a process left half done, if one did.
    public func finishResults() throws {
        try signer.finish(ResultsFile.name, in: folder)
    }

    /// Writes `ehr-updates.csv`, signed: which addresses are dead, opted out or without TLS; removes it if none is.
    public func writeUpdates(
        _ texts: some RowTexts,
        _ view: LedgerView,
        activity: (RowNumber) throws -> RowActivity?
    ) throws {
        guard try UpdatesFile.hasLines(view, activity) else { return try signer.remove(UpdatesFile.name, in: folder) }
        try signer.replace(UpdatesFile.name, in: folder, permissions: permissions) { writer in
            try UpdatesFile.write(texts, view, activity, to: &writer)
        }
    }

    /// Writes `tracking.csv`, signed: one line for each row that was sent.
    ///
    /// - Parameters:
    ///   - texts: The rows' keys and addresses.
    ///   - view: The job's ledger.
    ///   - activity: What came back from a row's message; `nil` for nothing. Asked in the rows' order, of sent rows only.
    @discardableResult
    public func writeTracking(
        _ texts: some RowTexts,
        _ view: LedgerView,
        activity: (RowNumber) throws -> RowActivity?
    ) throws -> TrackingTotals {
        try signer.replace(TrackingFile.name, in: folder, permissions: permissions) { writer in
            try TrackingFile.write(texts, view, activity, to: &writer)
        }
    }

    /// Writes `tracking-events.csv`, signed: one line for each thing that came back; nothing if nothing ever did.
    ///
    /// - Parameters:
    ///   - texts: The rows' keys and addresses.
    ///   - view: The job's ledger.
    ///   - events: A row's events in the order of their times. Asked in the rows' order, of sent rows only.
    public func writeEvents(
        _ texts: some RowTexts,
        _ view: LedgerView,
        events: (RowNumber) throws -> [TrackedEvent]
    ) throws {
        guard try EventsFile.isWanted(view, events) || folder.status(of: EventsFile.name) != nil else { return }
        try signer.replace(EventsFile.name, in: folder, permissions: permissions) { writer in
            try EventsFile.write(texts, view, events, to: &writer)
        }
    }

    /// Writes `summary.json`, signed, and `summary.html`.
    public func writeSummary(_ summary: Summary) throws {
        // The signed file syncs the directory for both.
        try folder.replace(SummaryFiles.html, permissions: permissions, durability: .content) { writer in
            try writer.append(SummaryPage.html(summary))
        }
        try signer.replace(SummaryFiles.json, in: folder, permissions: permissions) { writer in
            try writer.append(SummaryFiles.text(of: summary))
        }
    }

    /// Writes all that is derived from a job's folder, ledger and events; the same of these gives the same bytes, but for the
    /// signatures.
    ///
    /// Results and tracking are written side by side: each reads the whole recipient file, and together they take a tenth of a
    /// large job's time.
    ///
    /// - Parameters:
    ///   - texts: The rows' keys and addresses; read by two threads at a time.
    ///   - view: The job's ledger.
    ///   - switches: What the job's manifest turned on.
    ///   - complaintLimit: How many complaints the site bears.
    ///   - activity: What came back from a row's message; `nil` for nothing. Asked by two threads at a time.
    @discardableResult
    public func rebuild(
        _ texts: some RowTexts & Sendable,
        _ view: LedgerView,
        switches: Summary.Switches,
        complaintLimit: ComplaintLimit? = nil,
        activity: @Sendable (RowNumber) throws -> RowActivity?
    ) throws -> Summary {
        let outcomes = Mutex<Result<OutcomeTotals, any Error>?>(nil)
        let tracking = Mutex<Result<TrackingTotals, any Error>?>(nil)
        DispatchQueue.concurrentPerform(iterations: 2) { part in
            if part == 0 {
                let result = Result {
                    let totals = try writeResults(texts, view, activity: activity)
                    try writeUpdates(texts, view, activity: activity)
                    return totals
                }
                outcomes.withLock { $0 = result }
            } else {
                let result = Result { try writeTracking(texts, view, activity: activity) }
                tracking.withLock { $0 = result }
            }
        }
        guard let outcomes = try outcomes.withLock({ try $0?.get() }),
            let tracking = try tracking.withLock({ try $0?.get() })
        else { preconditionFailure("both parts have run") }
        let summary = Summary(
            view: view,
            outcomes: outcomes,
            tracking: tracking,
            switches: switches,
            complaintLimit: complaintLimit
        )
        try writeSummary(summary)
        return summary
    }

    // MARK: - Words to people

    /// Replaces `status.json`; a crash may bring back the one before, and whoever takes the job up again writes it anew.
    public func writeStatus(_ status: JobStatus) throws {
        let durability: Directory.Durability = status.state.isLasting ? .content : .none
        try folder.replace(JobStatus.file, permissions: permissions, durability: durability) {
            try $0.append(status.text)
        }
    }

    /// Replaces `problems.csv`, removes it if there are none; a crash may bring back the one before.
    public func writeProblems(_ problems: [Diagnostic]) throws {
        if problems.isEmpty {
            try folder.remove(ProblemsFile.name)
        } else {
            try folder.replace(ProblemsFile.name, permissions: permissions, durability: .content) { writer in
                try writer.append(ProblemsFile.text(of: problems))
            }
        }
    }

    /// Leaves the marker of the job's end, and takes away any other.
    ///
    /// - Parameters:
    ///   - marker: How the job ended.
    ///   - sentence: What a person should know; never with a cell.
    public func writeEnd(_ marker: EndMarker, _ sentence: String) throws {
        for other in EndMarker.allCases where other != marker { try folder.remove(other.rawValue) }
        try folder.replace(marker.rawValue, permissions: permissions) { try $0.append(sentence + "\n") }
    }

    /// Takes away any marker: the job goes on.
    public func removeEnd() throws {
        try folder.removeDurably(EndMarker.allCases.map(\.rawValue))
    }
}
