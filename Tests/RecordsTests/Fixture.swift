import Core
import Files
import Foundation
import Ledger
import OpenSSL
import TestSupport
import Testing

@testable import Records

/// Keys and addresses from memory.
struct ListedTexts: RowTexts {
    var rows: [(key: [UInt8], address: [UInt8])]

    init(_ rows: [(String, String)]) {
        self.rows = rows.map { (Array($0.0.utf8), Array($0.1.utf8)) }
    }

    func forEach(_ body: (RowNumber, ArraySlice<UInt8>, ArraySlice<UInt8>) throws -> Void) throws {
        for (index, row) in rows.enumerated() {
            try body(RowNumber(UInt32(index) + 1), row.key[...], row.address[...])
        }
    }
}

/// A job's folder, its ledger and a key, of one test's own.
struct Fixture {
    let scratch: TemporaryDirectory
    let ledgers: TemporaryDirectory
    let directory: Directory
    let key: SigningKey
    let records: JobRecords

    static let noon = Timestamp(year: 2026, month: 11, day: 22, hour: 12)
    static let job = JobID(digest: Array(1...10)) ?? { fatalError("ten bytes are a digest") }()

    init() throws {
        scratch = try TemporaryDirectory()
        ledgers = try TemporaryDirectory()
        directory = try Directory(path: scratch.path)
        key = SigningKey.generate()
        records = try JobRecords(folder: directory, signer: Signer(key))
    }

    /// The ledger of a job whose rows ended so; `nil` for a row that has not.
    func view(
        _ outcomes: [Outcome?],
        name: String = "Visit summary",
        folder: String = "2026-11-22 visits",
        links: [String] = [],
        events: [LedgerRecord] = []
    ) async throws -> LedgerView {
        let store = LedgerStore(
            directory: try Directory(path: ledgers.path),
            key: SecretBytes(copying: Array(0..<32)),
            gather: .zero
        )
        let header = LedgerHeader(
            job: Self.job,
            takenUp: Self.noon,
            folder: folder,
            name: name,
            purpose: "treatment",
            rows: outcomes.count,
            contentDigest: Array(1...32),
            messageDomain: "riverside.example",
            version: "0.1.0",
            links: links
        )
        let writer = try store.create(header)
        for record in events { writer.append(record) }
        for (index, outcome) in outcomes.enumerated() {
            if let outcome { writer.append(.ended(RowNumber(UInt32(index) + 1), outcome)) }
        }
        #expect(await writer.close())
        return try store.read(Self.job)
    }

    static let tls13 = TLSEvidence(
        scope: .relay,
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        verification: .pkix
    )

    static func sent(_ second: Int64, tls: TLSEvidence = tls13) -> Outcome {
        Outcome(
            .sent,
            detail: "250 2.0.0 Ok: queued as 4XyZ",
            attempts: 1,
            finishedAt: noon + second,
            route: "main",
            server: "smtp.relay.example",
            tls: tls,
            messageID: "id\(second)@riverside.example"
        )
    }

    static func ended(_ status: RowStatus, _ reason: Reason, _ detail: String = "", second: Int64 = 9) -> Outcome {
        Outcome(status, reason: reason, detail: detail, finishedAt: noon + second)
    }

    /// A small job with a bit of everything, and what came back from it.
    static let mixed: [Outcome?] = [
        sent(1),
        sent(2),
        ended(.invalid, .addressSyntax, "the address is empty", second: 0),
        Outcome(
            .failed,
            reason: .mailboxUnknown,
            detail: "550 5.1.1 \"No such user\", sorry",
            attempts: 2,
            finishedAt: noon + 65,
            route: "main",
            server: "smtp.relay.example",
            tls: tls13,
            messageID: "id4@riverside.example"
        ),
        ended(.suppressed, .optedOut),
    ]

    static let mixedTexts = ListedTexts([
        ("0001", "ann@example.com"),
        ("0002", "bob+tag@example.com"),
        ("-5", ""),
        ("Müller, \"Jo\"", "jo@example.com"),
        (" x\ny", "=x@example.com"),
    ])

    static func activity(_ row: RowNumber) -> RowActivity? {
        guard row.value == 2 else { return nil }
        var activity = RowActivity()
        activity.opens.count(at: noon + 3_600)
        activity.opens.count(at: noon + 600)
        activity.automatedOpens.count(at: noon + 5)
        activity.clicks.count(at: noon + 660)
        activity.clicksByLink = [2: 1]
        activity.unsubscribedAt = noon + 7_200
        activity.devices = ["iPhone": 1, "Windows": 1]
        activity.automatedReasons = ["gmail-proxy": 1]
        return activity
    }

    /// What came back from row 2, event by event.
    static let trackedEvents: [TrackedEvent] = {
        let start = noon.seconds * 1_000
        return [
            TrackedEvent(kind: "click", milliseconds: start - 500, link: 0, isAutomated: true, why: "decoy"),
            TrackedEvent(
                kind: "open",
                milliseconds: start + 600_250,
                why: "request",
                device: "iPhone",
                visitor: "00ab12",
                address: "192.0.2.0",
                country: "US",
                region: "Texas",
                city: "=Austin, \"TX\""
            ),
            TrackedEvent(kind: "click", milliseconds: start + 660_999, link: 2, why: "request", device: "iPhone"),
            TrackedEvent(kind: "click", milliseconds: start + 661_999, link: 9, why: "request", device: "iPhone"),
            TrackedEvent(kind: "unsubscribe", milliseconds: start + 7_200_000, why: "one-click"),
        ]
    }()

    static let mixedLinks = ["https://riverside.example/portal", "https://riverside.example/map?c={{clinic}}"]

    static let mixedEvents: [LedgerRecord] = [
        .started(at: noon, process: 1, host: "mail-1"), .started(at: noon + 30, process: 2, host: "mail-1"),
    ]
}

/// Compares bytes with the file of that name in `Snapshots`.
///
/// A missing file is written, and the test fails, so that somebody looks at it; `WARDPOST_RECORD` writes all of them anew.
func expectSnapshot(_ bytes: [UInt8], _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Snapshots/\(name)")
    let isRecording = ProcessInfo.processInfo.environment["WARDPOST_RECORD"] != nil
    guard !isRecording, let expected = try? Data(contentsOf: url) else {
        let folder = url.deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        Issue.record("\(name) was recorded; look at it, then run again", sourceLocation: sourceLocation)
        return
    }
    #expect(bytes == [UInt8](expected), "differs from Snapshots/\(name)", sourceLocation: sourceLocation)
}
