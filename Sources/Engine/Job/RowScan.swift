import Compose
import Core
import Intake

/// Looks at every row once before the first goes out: counts them, pins what they attach, finds those that cannot go out.
struct RowScan {
    let manifest: Manifest
    let columns: JobColumns
    let composer: Composer
    let attachments: AttachmentPins?
    let minter: (any TokenMinting)?
    /// Whether every message is made, too.
    let composes: Bool
    let today: CalendarDate

    private var scratch = Scratch()
    private var message: [UInt8] = []

    init(
        manifest: Manifest,
        columns: JobColumns,
        composer: Composer,
        attachments: AttachmentPins?,
        minter: (any TokenMinting)?,
        composes: Bool,
        today: CalendarDate
    ) {
        self.manifest = manifest
        self.columns = columns
        self.composer = composer
        self.attachments = attachments
        self.minter = minter
        self.composes = composes
        self.today = today
    }

    /// Reads the table through, in memory that does not depend on its length.
    mutating func run(_ table: RecipientTable) throws -> JobChecker.Finding {
        var finding = JobChecker.Finding(job: nil, problems: [])
        let reader = try table.reader()
        var line = CSVRow()
        while try reader.next(into: &line) {
            finding.rows += 1
            guard let problem = try problem(of: line, in: table) else { continue }
            finding.invalidRows += 1
            if finding.invalidRows <= JobChecker.mostRowProblems { finding.problems.append(problem) }
        }
        return finding
    }

    /// Why a row cannot go out, as a warning: it does not stop the others.
    private mutating func problem(of line: CSVRow, in table: RecipientTable) throws -> Diagnostic? {
        switch columns.judge(line, today: today) {
        case .bad(.invalid, _, let detail):
            if var problem = line.problem?.diagnostic {
                problem.severity = .warning
                return problem
            }
            return diagnostic(detail, line.row, table, column: columns.address)
        case .bad:
            return nil
        case .good(let recipient):
            do {
                try files(line.row, recipient)
                return nil
            } catch let problem as ComposeProblem {
                let column = problem.column.flatMap { table.header.index(of: $0) }
                return diagnostic("\(problem)", line.row, table, column: column)
            } catch let problem as Diagnostic {
                return diagnostic("attachment: \(problem.problem)", line.row, table, column: nil, fix: problem.fix)
            }
        }
    }

    private func diagnostic(
        _ problem: String,
        _ row: Row,
        _ table: RecipientTable,
        column: Int?,
        fix: String = ""
    ) -> Diagnostic {
        let name = column.map { ", column \"\(table.header.names[$0])\"" } ?? ""
        return Diagnostic(
            problem,
            at: Place(file: table.file.name, line: row.line, column: column.map { $0 + 1 } ?? 0),
            fix: fix.isEmpty ? "correct row \(row.number)\(name)" : fix,
            severity: .warning,
            row: row.number
        )
    }

    /// Pins a row's attachments, and makes its message if that is wanted.
    private mutating func files(_ row: Row, _ recipient: Address) throws {
        guard attachments != nil || composes else { return }
        // The job's identity is not known before all is pinned; any will do to try the templates.
        guard let trial = JobID(digest: [UInt8](repeating: 0, count: JobID.digestLength)),
            let identity = MessageIdentity(digest: [UInt8](repeating: 0, count: 32), domain: "wardpost.invalid")
        else { return }
        let context = RenderContext(job: trial, minter: minter, recipient: recipient, list: manifest.list?.value ?? "")
        var contents: [AttachmentContent] = []
        if let attachments {
            for (slot, path) in try composer.attachmentPaths(row: row, context: context).enumerated() {
                _ = try attachments.pin(row: row.number, slot: slot, name: path)
                if composes {
                    let bytes = try attachments.contents(row: row.number, slot: slot, name: path)
                    contents.append(AttachmentContent(bytes))
                }
            }
        }
        guard composes else { return }
        try composer.compose(
            row: row,
            identity: identity,
            date: Timestamp(seconds: 0),
            attachments: contents,
            context: context,
            scratch: &scratch,
            into: &message
        )
    }
}
