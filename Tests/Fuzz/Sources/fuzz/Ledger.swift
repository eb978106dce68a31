import Core
import Files
@testable import Ledger
import OpenSSL

private let key = HMACSHA256(key: SecretBytes(copying: [UInt8](repeating: 7, count: 32)))

/// The lines of a ledger behind a good head: each gets its place in the chain; the last stays torn as it is.
func readLedger(_ bytes: [UInt8]) {
    var encoder = LineEncoder(messageDomain: "clinic.example")
    encoder.append(
        LedgerHeader(
            job: .noJob,
            takenUp: Timestamp(seconds: 1),
            folder: "job",
            name: "Job",
            purpose: "treatment",
            list: "",
            rows: 1_000,
            contentDigest: Array(1...32),
            messageDomain: "clinic.example",
            version: "1",
            sender: "",
            links: []
        )
    )
    var file = encoder.buffer
    let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
    let tail = Array("\t\(String(repeating: "-", count: 32))\n".utf8)
    for line in lines.dropLast() { file += Array(line) + tail }
    seal(&file, head: encoder.buffer.count)
    file += lines.last ?? []
    Scratch.write(file, "ledger")
    needed {
        let ledger = try Scratch.directory.openRegular("ledger")
        if let replay = try? Replay(ledger, job: .noJob, key: key) {
            precondition(replay.length + replay.torn == Int64(file.count))
            let view = LedgerView(replay, file: ledger)
            for row in 1...9 { _ = try? view.latest(of: RowNumber(UInt32(row))) }
        }
    }
}

private func seal(_ file: inout [UInt8], head: Int) {
    var chain = Chain(head: file[..<(head - Chain.tail)], key: key)
    chain.writeTag(into: &file, at: head - Chain.tail + 1)
    chain.seal(&file, from: head)
}
