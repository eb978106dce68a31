import Core
import Files
import OpenSSL
@testable import Tracking

private let key = HMACSHA256(key: SecretBytes(copying: [UInt8](repeating: 7, count: 32)))
private let tagger = AddressTagger(key: SecretBytes(copying: [UInt8](repeating: 7, count: 32)))

/// A line of an event file.
func readEvent(_ bytes: [UInt8]) {
    guard let line = JSONObject(bytes[...]) else { return }
    if let event = Event(line) { _ = SuppressionRecord(event) }
    _ = SuppressionRecord(line)
    _ = SubscriptionRecord(line)
}

/// The lines of the suppression list behind a good header: those that end in `}` get their place in the chain, those with a `mac`
/// stay as they are.
func readList(_ bytes: [UInt8]) {
    var header = JSONLine()
    header.append("wardpost", "suppression")
    header.append("version", 1)
    header.append("key", 1)
    var chain = Chain(key: key, header: header.bytes[...])
    var file: [UInt8] = []
    chain.append(header, to: &file)
    for line in bytes.split(separator: 10) {
        if line.last == UInt8(ascii: "}"), Chain.parts(line) == nil {
            let start = file.count
            file += line.dropLast()
            chain.close(from: start, in: &file)
        } else {
            file += Array(line) + [10]
        }
    }
    Scratch.write(file, "list")
    var follower = ChainFollower(name: "list", format: "suppression") { _ in key }
    var faults: [ChainFault] = []
    needed {
        _ = try follower.poll(in: Scratch.directory) {
            faults.append($0)
        } _: { line in
            _ = SuppressionRecord(line)
            _ = MendedPlace(line)
        }
    }
    for fault in faults { _ = SuppressionFile.legible(fault, in: Scratch.directory, tagger) }
}
