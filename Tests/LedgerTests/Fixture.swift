import Core
import Files
import Foundation
import Glibc
import OpenSSL
import Synchronization
import TestSupport
import Testing

@testable import Ledger

/// A directory with ledgers of one test's own.
struct Fixture {
    let scratch: TemporaryDirectory
    let directory: Directory
    let store: LedgerStore
    let job: JobID

    static let key = SecretBytes(copying: Array(0..<32))
    static let noon = Timestamp(year: 2026, month: 11, day: 22, hour: 12)

    init(key: SecretBytes = Fixture.key) throws {
        scratch = try TemporaryDirectory()
        directory = try Directory(path: scratch.path)
        store = LedgerStore(directory: directory, key: key, gather: .zero)
        job = Self.job
    }

    static let job = JobID(digest: Array(1...10)) ?? { fatalError("ten bytes are a digest") }()

    /// The same directory as another process would see it.
    func other(key: SecretBytes = Fixture.key) throws -> LedgerStore {
        LedgerStore(directory: try Directory(path: scratch.path), key: key, gather: .zero)
    }

    static func header(rows: Int, links: [String] = [], domain: String = "riverside.example") -> LedgerHeader {
        LedgerHeader(
            job: job,
            takenUp: noon,
            folder: "2026-11-22 visits",
            name: "Visit summary",
            purpose: "treatment",
            list: "",
            rows: rows,
            contentDigest: Array(1...32),
            messageDomain: domain,
            version: "0.1.0",
            links: links
        )
    }

    var file: String {
        "\(job).ledger"
    }

    /// Makes a small ledger with a bit of everything and gives its bytes.
    func small() async throws -> [UInt8] {
        let writer = try store.create(Fixture.header(rows: 4, links: ["https://riverside.example/portal"]))
        for record in Fixture.smallRecords { writer.append(record) }
        #expect(await writer.close())
        return try scratch.read(file)
    }

    static let smallRecords: [LedgerRecord] = [
        .started(at: noon, process: 4_711, host: "mail-1"),
        .tried(RowNumber(1), attempt: 1, at: noon),
        .ended(RowNumber(1), sent(at: noon, id: "abcdefghij0123456789@riverside.example")),
        .tried(RowNumber(2), attempt: 1, at: noon),
        .deferred(RowNumber(2), deferral(due: noon + 300)),
        .tried(RowNumber(3), attempt: 1, at: noon),
    ]

    static let tls = TLSEvidence(
        scope: .relay,
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        verification: .pkix
    )

    static func sent(at time: Timestamp, id: String, server: String = "smtp.relay.example") -> Outcome {
        Outcome(
            .sent,
            detail: "250 2.0.0 Ok: queued as 4XyZ123abcd",
            attempts: 1,
            finishedAt: time,
            route: "main",
            server: server,
            tls: tls,
            messageID: id
        )
    }

    static func deferral(due: Timestamp) -> Deferral {
        Deferral(
            attempts: 1,
            at: noon,
            due: due,
            reason: .serverBusy,
            detail: "451 4.7.1 Try again later",
            route: "main",
            server: "smtp.relay.example",
            tls: tls
        )
    }
}

/// A value that callbacks on the writer's thread change.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) {
        self.value = Mutex(value)
    }

    func change(_ body: (inout Value) -> Void) {
        value.withLock { value in body(&value) }
    }

    var now: Value {
        value.withLock { $0 }
    }
}
