import Core
import Files
import Glibc
import OpenSSL

/// The file that an event log writes at the moment.
struct EventFile: ~Copyable {
    static let suffix = ".jsonl"
    static let keyUse = "wardpost events v1"

    private let directory: Directory
    private let keys: @Sendable () -> TokenKeys
    private let host: String
    private var current: Begun
    private var output: [UInt8] = []

    /// The name of the file that is written now.
    var name: String {
        current.file.name
    }

    /// A file and where its chain stands.
    private struct Begun: ~Copyable {
        let file: Descriptor
        /// The number of the key that it was begun under.
        let keyID: UInt8
        let day: String
        var chain: Chain
        var count = 0
    }

    /// The number of the key of the file that is written now.
    var keyID: UInt8 {
        current.keyID
    }

    init(directory: Directory, keys: @escaping @Sendable () -> TokenKeys, host: String, now: Int64) throws {
        self.directory = directory
        self.keys = keys
        self.host = host
        current = try Self.begin(in: directory, keys(), host, now)
    }

    /// Appends events and returns when they are on the disk.
    mutating func append(_ batches: [EventBatch], now: Int64) throws {
        if batches.isEmpty { return }
        if Timestamp(milliseconds: now).day != current.day {
            current = try Self.begin(in: directory, keys(), host, now)
        }
        output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
        for batch in batches {
            batch.forEach { members in
                let start = output.count
                current.count += 1
                output.append(contentsOf: "{\"n\":".utf8)
                output.append(contentsOf: String(current.count).utf8)
                output.append(contentsOf: members)
                current.chain.close(from: start, in: &output)
            }
        }
        try current.file.write(output)
        try current.file.dataSync()
    }

    private static func begin(
        in directory: Directory,
        _ keys: TokenKeys,
        _ host: String,
        _ now: Int64
    ) throws -> Begun {
        let keyID = keys.minting.id
        let key = keys.derived(keys.minting, for: keyUse)
        let time = Timestamp(milliseconds: now)
        let random = Hex.encode(Random.bytes(8))
        let name = "\(time.day)-\(cleaned(host))-\(random)\(suffix)"
        let file = try directory.create(name, permissions: 0o600)
        var output: [UInt8] = []
        let chain = Chain("events", file: random, key: key, number: Int(keyID), at: time, to: &output)
        try file.write(output)
        try file.sync()
        // The name must be as durable as what will stand under it.
        try directory.sync()
        return Begun(file: file, keyID: keyID, day: time.day, chain: chain)
    }

    private static func cleaned(_ host: String) -> String {
        let kept = host.lowercased().utf8.filter { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "-")
        }
        return kept.isEmpty ? "host" : String(decoding: kept.prefix(40), as: UTF8.self)
    }
}

extension EventLog {
    /// This machine's name, the part before the first dot.
    public static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "host" }
        let bytes = buffer.prefix { $0 != 0 && $0 != CChar(UInt8(ascii: ".")) }.map(UInt8.init(bitPattern:))
        return String(decoding: bytes, as: UTF8.self)
    }
}
