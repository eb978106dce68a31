import Compose
public import Core
import Files
import Intake

/// Writes finished messages to files, as they would go out; sends nothing.
public struct JobPreview: Sendable {
    private let worker: JobWorker

    /// Prepares previews of a site's jobs.
    public init(_ worker: JobWorker) {
        self.worker = worker
    }

    /// Writes `row-N.eml` for the wanted rows.
    ///
    /// - Parameters:
    ///   - name: The job, as a person typed it.
    ///   - rows: Which rows; empty for the first five.
    ///   - path: The directory to write to; made if it is not there.
    /// - Returns: The files' paths, and what kept other rows from being made.
    public func write(_ name: String, rows: [ClosedRange<UInt32>], to path: String) throws -> (
        files: [String], problems: [Diagnostic]
    ) {
        let folder = try worker.site.jobFolder(name)
        let finding = JobChecker(site: worker.site, keys: worker.keys).check(folder)
        guard let job = finding.job else { throw EngineError(.jobRefused, finding.problems) }
        let rows = rows.isEmpty ? [1...5] : rows
        let output = try SiteInit.make(directory: path)
        var files: [String] = []
        var problems: [Diagnostic] = []
        var scratch = Scratch()
        var message: [UInt8] = []
        var line = CSVRow()
        let reader = try job.table.reader()
        while try reader.next(into: &line) {
            let number = line.row.number
            guard rows.contains(where: { $0.contains(number.value) }) else { continue }
            do {
                try Self.compose(job, line, &scratch, &message)
                let file = "row-\(number).eml"
                // Messages hold what patients wrote to nobody: for their owner's eyes only.
                try output.replace(file, permissions: 0o600) { try $0.append(message) }
                files.append("\(path)/\(file)")
            } catch let refusal as RowRefusal {
                problems.append(
                    Diagnostic(
                        "row \(number) makes no message: \(refusal.detail)",
                        at: Place(file: job.table.file.name, line: line.row.line),
                        severity: .warning,
                        row: number
                    )
                )
            }
        }
        return (files, problems)
    }

    private static func compose(
        _ job: PreparedJob,
        _ line: CSVRow,
        _ scratch: inout Scratch,
        _ message: inout [UInt8]
    ) throws {
        let recipient: Address
        switch job.judge(line) {
        case .good(let address): recipient = address
        case .bad(_, let reason, let detail): throw RowRefusal(reason: reason, detail: detail)
        }
        do {
            try job.composer.compose(
                row: line.row,
                identity: job.run.messages.identity(of: line.row.number),
                date: job.run.takenUp,
                attachments: try job.attachments(of: line.row, recipient: recipient),
                context: job.context(line.row, recipient: recipient),
                scratch: &scratch,
                into: &message
            )
        } catch let problem as ComposeProblem {
            throw RowRefusal(reason: problem.reason, detail: "\(problem)")
        }
    }
}
