import Core
import Files
import Intake
import Ledger
import OpenSSL
import Records
import Tracking

/// What a job's worker writes beside the job, and where it goes when the folder is gone.
struct JobOutput: Sendable {
    private let folder: Directory
    private let signer: Signer
    private let site: Site
    private let keys: SiteKeys
    private let classifier: Classifier
    private let name: String

    /// Writes into a folder for as long as its lease is held: whoever has lost it changes nothing there any more.
    init(_ folder: JobFolder, site: Site, keys: SiteKeys, classifier: Classifier, lease: Lease) {
        self.folder = folder.directory.guarded { () throws(FileError) in try lease.confirm() }
        name = folder.name
        signer = Signer(keys.signing)
        self.site = site
        self.keys = keys
        self.classifier = classifier
    }

    private func records(in directory: Directory) throws -> JobRecords {
        try JobRecords(folder: directory, signer: signer)
    }

    // MARK: - Before anything is sent

    /// `problems.csv`, or none.
    func write(problems: [Diagnostic]) throws {
        try records(in: folder).writeProblems(problems)
    }

    /// The job cannot be sent.
    func reject(_ problems: [Diagnostic]) throws {
        let records = try records(in: folder)
        let count = problems.count == 1 ? "1 problem stands" : "\(problems.count) problems stand"
        let sentence =
            "The job was not sent: \(count) against it, see problems.csv. Mend the files and remove REJECTED to try again."
        try records.writeStatus(JobStatus(.rejected, name: name, message: sentence, updated: .now))
        try records.writeEnd(.rejected, sentence)
    }

    /// The job waits for a person.
    func hold(_ sentence: String) throws {
        let records = try records(in: folder)
        try records.writeStatus(JobStatus(.held, name: name, message: sentence, updated: .now))
        try records.writeEnd(.held, sentence)
    }

    /// The job cannot be worked now; said if it can be, and without the counts that stand there.
    func pause(_ sentence: String) {
        try? records(in: folder).writeStatus(JobStatus(.paused, name: name, message: sentence, updated: .now))
    }

    /// Throws if results could not be written beside the job later: asked before anything is sent.
    func probe() throws {
        // A folder cannot be replaced by a file.
        for name in JobFiles.written where try folder.status(of: name)?.kind == .directory {
            throw FileError(.write, name, code: 21)
        }
        try folder.probe(JobFiles.status)
    }

    /// The job goes on: no marker says otherwise any more.
    func clearMarker() throws {
        try records(in: folder).removeEnd()
    }

    /// Writes `status.json` while the job runs.
    func reporter(_ job: PreparedJob, _ ledger: LedgerWriter, _ steering: SteeringLog) throws -> StatusReporter {
        StatusReporter(job, ledger, try records(in: folder), steering)
    }

    // MARK: - The end

    /// Results, tracking, summary, status, and last the marker, by which people and programs know that the rest is there.
    ///
    /// Goes to `outbox/unclaimed/JOB` if the folder was removed.
    func write(_ job: PreparedJob, _ view: LedgerView, _ end: JobRun.End, _ obeyed: [JobStatus.Obeyed]) throws {
        let activity = try activity(of: job.id)
        let texts = TableTexts(table: job.table, columns: job.columns, rows: job.rowCount)
        let switches = JobSwitches.of(view, job.manifest)
        let marker: EndMarker
        let state: JobState
        switch end {
        case .stopped: (marker, state) = (.stopped, .stopped)
        case .changed, .halted: (marker, state) = (.held, .held)
        default: (marker, state) = (.done, .done)
        }
        try place(of: job) { records in
            let limit = site.configuration.bounces?.complaints?.limit
            let summary = try records.rebuild(texts, view, switches: switches, complaintLimit: limit) { row in
                try activity.fold(row, in: view)?.activity
            }
            try records.writeEvents(texts, view) { try activity.fold($0, in: view)?.events ?? [] }
            var sentence = EndMarker.sentence(for: summary)
            switch end {
            case .changed(let what):
                sentence = "\(what). \(sentence) For the rest, put the files back as they were and drop RETRY."
            case .halted(let what):
                sentence =
                    "\(what). \(sentence) Find out why. Then drop CONFIRM to send what was not tried, or RETRY to try the"
                    + " refused rows again, too."
            default: break
            }
            let status = JobStatus(
                state,
                job: job.id,
                name: job.manifest.name.value,
                message: sentence,
                counts: view.rows.counts,
                takenUp: job.run.takenUp,
                finished: summary.outcomes.lastEnded,
                updated: .now,
                obeyed: obeyed,
                tracking: view.run.tracking
            )
            try records.writeStatus(status)
            try records.writeEnd(marker, sentence)
        }
    }

    private func place(of job: PreparedJob, _ body: (JobRecords) throws -> Void) throws {
        do {
            try body(try records(in: folder))
        } catch let error as FileError where error.isNotFound && !job.folder.isInPlace {
            let unclaimed = try site.outbox("unclaimed")
            try unclaimed.makeDirectory("\(job.id)", permissions: 0o700)
            try body(try records(in: try unclaimed.open(subdirectory: "\(job.id)")))
        }
    }

    private func activity(of id: JobID) throws -> JobActivity {
        var activity = JobActivity(
            job: id,
            classifier: classifier,
            addresses: site.configuration.tracking?.visitors.addresses ?? .nothing
        )
        let events = EventReader(directory: try site.outbox("events"), keys: keys.ring)
        try events.poll { _ = activity.apply($0) }
        return activity
    }
}
