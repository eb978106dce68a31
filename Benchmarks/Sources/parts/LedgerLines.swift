import Core
import Files
import Ledger
import OpenSSL

/// Writing a ledger.
enum LedgerLines {
    /// Writes that each row was tried and that it was sent, and waits until all of it is on the disk.
    static func write(folder path: String, rows: Int) async throws -> String {
        let store = LedgerStore(directory: try Directory(path: path), key: SecretBytes(random: 32))
        guard let job = JobID(digest: SecretBytes(random: JobID.digestLength).exposedCopy()) else { return "{}" }
        let ledger = try store.create(
            LedgerHeader(
                job: job,
                takenUp: .now,
                folder: "bench",
                name: "Bench",
                purpose: "treatment",
                rows: rows,
                contentDigest: [UInt8](repeating: 1, count: 32),
                messageDomain: "clinic.test",
                version: "0"
            )
        )
        let tls = TLSEvidence(
            scope: .relay,
            version: "TLSv1.3",
            cipher: "TLS_AES_256_GCM_SHA384",
            verification: .pkix
        )
        for number in 1...UInt32(max(1, rows)) {
            let row = RowNumber(number)
            ledger.append(.tried(row, attempt: 1, at: .now))
            let outcome = Outcome(
                .sent,
                detail: "250 2.0.0 Ok: queued",
                attempts: 1,
                finishedAt: .now,
                route: "main",
                server: "relay.test",
                tls: tls,
                messageID: "abcdefghijklmnopqrst@clinic.test"
            )
            ledger.append(.ended(row, outcome)) { _ in }
        }
        let isGood = await ledger.close()
        return #"{"count": \#(isGood ? 2 * rows : 0), "syncs": \#(ledger.syncs)}"#
    }
}
