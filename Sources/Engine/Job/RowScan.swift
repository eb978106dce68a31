import Compose
import Core
import Delivery
import Intake

/// Looks at every row once before the first goes out: counts them, pins what they attach, finds those that cannot go out.
struct RowScan {
    let manifest: Manifest
    let columns: JobColumns
    let composer: Composer
    let attachments: AttachmentPins?
    let minter: (any TokenMinting)?
    let today: CalendarDate
    /// Whether the job's messages are tracked where the recipient does not mind.
    let isTracked: Bool

    /// Rows whose files were not there or not to be read; what they were pinned as is not known.
    private(set) var withoutFiles = RowSet()
    private var scratch = Scratch()
    private var message: [UInt8] = []

    init(
        manifest: Manifest,
        columns: JobColumns,
        composer: Composer,
        attachments: AttachmentPins?,
        minter: (any TokenMinting)?,
        today: CalendarDate,
        isTracked: Bool
    ) {
        self.manifest = manifest
        self.columns = columns
        // What is made here is looked at and dropped.
        self.composer = composer.unsigned
        self.attachments = attachments
        self.minter = minter
        self.today = today
        self.isTracked = isTracked
    }

    /// Reads the table through, in memory that does not depend on its length: counts rows, judges them, pins their files.
    mutating func run(_ table: RecipientTable) throws -> JobChecker.Finding {
        var finding = JobChecker.Finding(job: nil, problems: [])
        let reader = try table.reader()
        var line = CSVRow()
        while try reader.next(into: &line) {
            finding.rows += 1
            switch columns.judge(line, today: today) {
            case .bad(.invalid, let reason, let detail):
                let column = columns.column(of: reason)
                var problem = line.problem?.diagnostic ?? diagnostic(detail, line.row, table, column: column)
                problem.severity = .warning
                note(problem, &finding)
            case .bad: continue
            case .good(let recipient):
                hear(line.row, table, &finding)
                if let problem = try trouble(line.row, table, { try pin(line.row, recipient) }) {
                    withoutFiles.insert(line.row.number)
                    note(problem, &finding)
                }
            }
        }
        return finding
    }

    /// Makes every message once, so that cells which a template needs are found missing.
    ///
    /// To be called after the files are pinned, whose rows are not looked at again.
    mutating func compose(_ table: RecipientTable, _ finding: inout JobChecker.Finding) throws {
        let reader = try table.reader()
        var line = CSVRow()
        while try reader.next(into: &line) {
            guard case .good(let recipient) = columns.judge(line, today: today), !withoutFiles.contains(line.row.number)
            else {
                continue
            }
            if let problem = try trouble(line.row, table, { try make(line.row, recipient, &finding.needs) }) {
                note(problem, &finding)
            }
        }
    }

    /// Counts a row whose recipient is not to be tracked; a cell that is neither yes nor no is told, if it matters.
    private func hear(_ row: Row, _ table: RecipientTable, _ finding: inout JobChecker.Finding) {
        let wish = columns.wish(row)
        guard wish != .silent else { return }
        finding.untrackedRows += 1
        guard wish == .unclear, isTracked else { return }
        finding.unclearWishes += 1
        guard finding.unclearWishes <= JobChecker.mostRowProblems else { return }
        var problem = diagnostic(
            "the wish not to be tracked is neither yes nor no; the row goes out and is not tracked",
            row,
            table,
            column: columns.noTracking
        )
        problem.fix = "write yes or no, or leave the cell empty"
        finding.problems.append(problem)
    }

    private func note(_ problem: Diagnostic, _ finding: inout JobChecker.Finding) {
        finding.invalidRows += 1
        if finding.invalidRows <= JobChecker.mostRowProblems { finding.problems.append(problem) }
    }

    /// Why a row cannot go out, as a warning: it does not stop the others.
    private func trouble(_ row: Row, _ table: RecipientTable, _ body: () throws -> Void) throws -> Diagnostic? {
        do {
            try body()
            return nil
        } catch let problem as ComposeProblem {
            let column = problem.column.flatMap { table.header.index(of: $0) }
            return diagnostic("\(problem)", row, table, column: column)
        } catch let problem as Diagnostic {
            return diagnostic("attachment: \(problem.problem)", row, table, column: nil, fix: problem.fix)
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

    /// What messages are tried with: the job's identity is not known before all is pinned, and any will do.
    private func context(_ row: Row, _ recipient: Address) -> RenderContext? {
        JobID(digest: [UInt8](repeating: 0, count: JobID.digestLength)).map {
            RenderContext(
                job: $0,
                minter: minter,
                recipient: recipient,
                list: manifest.list?.value ?? "",
                isTracked: columns.wish(row) == .silent
            )
        }
    }

    private func pin(_ row: Row, _ recipient: Address) throws {
        guard let attachments, let context = context(row, recipient) else { return }
        for (slot, path) in try composer.attachmentPaths(row: row, context: context).enumerated() {
            _ = try attachments.pin(row: row.number, slot: slot, name: path)
        }
    }

    private mutating func make(_ row: Row, _ recipient: Address, _ needs: inout ProbeReport.Needs) throws {
        guard let context = context(row, recipient),
            let identity = MessageIdentity(digest: [UInt8](repeating: 0, count: 32), domain: "wardpost.invalid")
        else { return }
        var contents: [AttachmentContent] = []
        if let attachments {
            for (slot, path) in try composer.attachmentPaths(row: row, context: context).enumerated() {
                contents.append(
                    AttachmentContent(try attachments.contents(row: row.number, slot: slot, name: path))
                )
            }
        }
        let facts = try composer.compose(
            row: row,
            identity: identity,
            date: Timestamp(seconds: 0),
            attachments: contents,
            context: context,
            scratch: &scratch,
            into: &message
        )
        needs.add(
            row.number,
            octets: message.count,
            recipient: recipient,
            headersNeedUTF8: facts.headersNeedUTF8
        )
    }
}
