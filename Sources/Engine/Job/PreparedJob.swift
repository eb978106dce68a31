import Compose
import Core
import Delivery
import Intake
import Tracking

/// A job that was read, checked and pinned: all that is needed to make its messages.
struct PreparedJob: Sendable {
    let folder: JobFolder
    let manifest: Manifest
    let table: RecipientTable
    let columns: JobColumns
    let rowCount: Int
    let attachmentPins: AttachmentPins?
    /// Rows whose files could not be pinned.
    let withoutFiles: RowSet
    let composer: Composer
    let route: RouteSettings
    let run: JobIdentity
    let minter: (any TokenMinting)?
    /// Makes envelope senders; `nil` where that is the From's address.
    let returnPath: ReturnPath?
    let zone: TimeZoneRules
    /// The zones that rows name.
    let zones: RowZones
    /// Days on which nothing goes out.
    let holidays: Holidays
    /// What is tracked of its messages.
    let tracking: JobTracking
    /// What is odd and stops nothing: of the job, and of single rows.
    let warnings: [Diagnostic]

    var id: JobID { run.id }
    /// The columns that are not plain, by index.
    var phiColumns: [Int] {
        let plain = Set(manifest.columns.plain.map(\.value))
        return table.header.names.indices.filter { !plain.contains(table.header.names[$0]) }
    }
    var routeName: String { route.name }
    var sender: Address { manifest.from.value.address }
    var list: String { manifest.list?.value ?? "" }

    /// The same content under the identity of another run, as its ledger has it.
    func under(_ run: JobIdentity) -> PreparedJob {
        PreparedJob(
            folder: folder,
            manifest: manifest,
            table: table,
            columns: columns,
            rowCount: rowCount,
            attachmentPins: attachmentPins,
            withoutFiles: withoutFiles,
            composer: composer,
            route: route,
            run: run,
            minter: minter,
            returnPath: returnPath,
            zone: zone,
            zones: zones,
            holidays: holidays,
            tracking: tracking,
            warnings: warnings
        )
    }

    /// What a row's links are made with.
    func context(_ row: Row, recipient: Address) -> RenderContext {
        RenderContext(
            job: id,
            minter: minter,
            recipient: recipient,
            list: list,
            isTracked: columns.wish(row) == .silent,
            language: columns.language(of: row)
        )
    }

    /// To whom the network says what became of a row's message (MAIL FROM): an address of its own where the site has a domain for
    /// that, the same at every attempt.
    func envelopeSender(of row: RowNumber, recipient: Address) -> Address {
        (try? returnPath?.address(job: id, row: row, recipient: recipient)) ?? sender
    }

    /// The number of the zone that a row names; the site's where it names none.
    func zone(of line: CSVRow) -> Int {
        columns.zone.flatMap { zones.number(of: line.row[$0]) } ?? 0
    }

    /// When its rows may go, those that somebody asks for again from then on.
    func calendar(begun: Timestamp, usualSeconds: Int64 = JobSchedule.usualSeconds) -> JobCalendar {
        JobCalendar(manifest, begun: begun, zones: zones, holidays: holidays, usualSeconds: usualSeconds)
    }

    /// Whether a row can go out, and to whom.
    func judge(_ line: CSVRow, at now: Timestamp = .now) -> RowJudgement {
        columns.judge(line, today: CalendarDate(of: now, in: zone))
    }

    /// The files that go with a row's message, each as it was pinned.
    ///
    /// - Throws: ``RowRefusal`` if the row cannot have them; `PinError` if one is not what it was.
    func attachments(of row: Row, recipient: Address) throws -> [AttachmentContent] {
        guard let attachmentPins else { return [] }
        let paths: [String]
        do {
            paths = try composer.attachmentPaths(row: row, context: context(row, recipient: recipient))
        } catch {
            throw RowRefusal(reason: error.reason, detail: "\(error)")
        }
        // Found out when the job was taken up; a file that came since is none of the job's.
        guard !withoutFiles.contains(row.number) else {
            throw RowRefusal(
                reason: .attachment,
                detail: "a file that the row attaches was not there or not to be read when the job was taken up"
            )
        }
        return try paths.enumerated().map { slot, path in
            AttachmentContent(try attachmentPins.contents(row: row.number, slot: slot, name: path))
        }
    }
}

/// A run of a job's content: its identity, and what every message of it has of that.
struct JobIdentity: Sendable {
    let id: JobID
    /// SHA-256 over all that the messages are made of.
    let contentDigest: [UInt8]
    /// When the job was taken up; the Date of every message.
    let takenUp: Timestamp
    let messages: MessageIdentities
}

/// Whether a row can go out, and to whom.
enum RowJudgement {
    case good(Address)
    case bad(RowStatus, Reason, String)
}

/// A row that cannot go out, found while its files were read.
struct RowRefusal: Error {
    var reason: Reason
    var detail: String
}

/// The columns of the recipient table that mean something to us, by index.
struct JobColumns: Sendable {
    let address: Int
    let key: Int
    let name: Int?
    /// The recipient's time zone, and all zones that were found there.
    let zone: Int?
    let zones: RowZones
    /// Who is not to be tracked.
    let noTracking: Int?
    /// The recipient's language, for the pages that the message leads to, and what holds where the cell names none of theirs.
    let language: (column: Int?, usual: String)
    /// The two columns that marketing needs.
    let authorization: (reference: Int, expires: Int)?

    /// Finds the columns that the manifest names; reports those that are not there, each at its place.
    init?(
        _ manifest: Manifest,
        header: CSVHeader,
        zones: RowZones,
        language: String? = nil,
        problems: inout [Diagnostic]
    ) {
        self.zones = zones
        let stated = (manifest.language?.value ?? language).flatMap { PageLanguage(tag: $0) }
        self.language = (
            manifest.columns.language.flatMap { header.index(of: $0.value) }, stated?.rawValue ?? ""
        )
        for column in manifest.namedColumns where header.index(of: column.value) == nil {
            let near = Suggestion.nearest(to: column.value, in: header.names)
            problems.append(
                Diagnostic(
                    "\(manifest.recipients.value) has no column \"\(column.value)\"",
                    at: column.place,
                    fix: near.map { "did you mean \"\($0)\"?" }
                        ?? "its columns are \(header.names.joined(separator: ", "))"
                )
            )
        }
        guard let address = header.index(of: manifest.columns.address.value),
            let key = header.index(of: manifest.columns.key.value)
        else { return nil }
        self.address = address
        self.key = key
        name = manifest.columns.name.flatMap { header.index(of: $0.value) }
        zone = manifest.columns.zone.flatMap { header.index(of: $0.value) }
        noTracking =
            header.index(of: manifest.columns.noTracking?.value ?? TrackingWish.column)
            ?? (manifest.columns.noTracking == nil ? header.names.firstIndex(where: TrackingWish.isColumn) : nil)
        guard manifest.isMarketing else {
            authorization = nil
            return
        }
        guard let reference = header.index(of: Manifest.authorizationColumn),
            let expires = header.index(of: Manifest.authorizationExpiresColumn)
        else { return nil }
        authorization = (reference, expires)
    }

    /// The language of the pages that a row's message leads to; empty where the reader's browser decides.
    func language(of row: borrowing Row) -> String {
        guard let column = language.column else { return language.usual }
        return PageLanguage(tag: row.text(column).filter { $0 != " " })?.rawValue ?? language.usual
    }

    /// The column that is to blame for what was judged.
    func column(of reason: Reason) -> Int {
        reason == .timeZone ? zone ?? address : address
    }

    /// Whether a row's recipient is not to be tracked.
    func wish(_ row: Row) -> TrackingWish {
        noTracking.map { TrackingWish(row[$0]) } ?? .silent
    }

    /// Judges a row by itself: its shape, its address, its zone, its authorization.
    func judge(_ line: CSVRow, today: CalendarDate) -> RowJudgement {
        if let problem = line.problem { return .bad(.invalid, problem.reason, problem.diagnostic.problem) }
        let recipient: Address
        do {
            recipient = try AddressParser.parse(line.row[address])
        } catch {
            return .bad(.invalid, error == .empty ? .addressMissing : .addressSyntax, error.rule)
        }
        if let zone, zones.number(of: line.row[zone]) == nil {
            return .bad(.invalid, .timeZone, "the row's time zone is none of the tz database, such as America/Chicago")
        }
        if let authorization {
            let isGiven = line.row[authorization.reference].contains { $0 != UInt8(ascii: " ") }
            guard isGiven, let expires = CalendarDate(line.row.text(authorization.expires)), today < expires else {
                return .bad(
                    .suppressed,
                    .noAuthorization,
                    "the row has no authorization for marketing that is in force"
                )
            }
        }
        return .good(recipient)
    }
}
