import Core
import Files
import OpenSSL

extension SuppressionIndex {
    /// How many entries a block has at most on average.
    private static let blockSize = 64

    /// Replaces the index by what a set holds: its own index and its table, merged in one pass.
    static func write(_ set: SuppressionSet, _ contents: Contents, in outbox: Directory, key: HMACSHA256) throws {
        let most = (set.base?.count ?? 0) + set.table.count
        var bits = 0
        while blockSize << bits < most { bits += 1 }
        var merge = SuppressionMerge(set)
        try outbox.replace(name, permissions: 0o600) { output in
            var directory: [UInt8] = []
            directory.reserveCapacity(directoryEntry << bits)
            var count = 0
            var block: [UInt8] = []
            var bucket = 0
            func close() -> [UInt8] {
                directory.append(bigEndian: UInt32(count))
                directory.append(contentsOf: SHA256.hash(block)[..<digestCount])
                bucket += 1
                defer { block.removeAll(keepingCapacity: true) }
                return block
            }
            while let entry = try merge.next() {
                while bucket < Self.bucket(of: entry.tag, bits: bits) { try output.append(close()) }
                block.append(bigEndian: entry.tag.high)
                block.append(bigEndian: entry.tag.low)
                block.append(bigEndian: entry.state.word)
                count += 1
            }
            while bucket < 1 << bits { try output.append(close()) }
            let meta = contents.written
            var trailer = magic
            for number in [count, bits, directory.count, meta.count] { trailer.append(bigEndian: UInt64(number)) }
            let mac = key.tag(of: trailer + directory + meta)
            try output.append(directory)
            try output.append(meta)
            try output.append(trailer)
            try output.append(mac)
        }
    }
}

/// The entries in force of an index and of the table over it, in the order of their tags.
struct SuppressionMerge {
    private let base: SuppressionIndex?
    private let table: [TagEntry]
    private var place = 0
    private var bucket = 0
    private var block: [TagEntry] = []
    private var blockPlace = 0

    init(_ set: SuppressionSet) {
        base = set.base
        table = set.table.sorted()
    }

    mutating func next() throws -> TagEntry? {
        while true {
            let below = try peek()
            let above = place < table.count ? table[place] : nil
            var entry: TagEntry
            switch (below, above) {
            case (nil, nil): return nil
            case (let below?, nil):
                blockPlace += 1
                entry = below
            case (nil, let above?):
                place += 1
                entry = above
            case (let below?, let above?):
                if below < above {
                    blockPlace += 1
                    entry = below
                } else {
                    place += 1
                    entry = above
                    if !(above < below) {
                        blockPlace += 1
                        if !above.state.isWhole { entry.state.join(below.state) }
                    }
                }
            }
            entry.state.isWhole = false
            if entry.state.isInForce { return entry }
        }
    }

    private mutating func peek() throws -> TagEntry? {
        guard let base else { return nil }
        while blockPlace == block.count {
            guard bucket < 1 << base.bucketBits else { return nil }
            let bytes = try base.block(bucket)
            block = (0..<bytes.count / TagEntry.byteCount).map { SuppressionIndex.entry(bytes, $0) }
            blockPlace = 0
            bucket += 1
        }
        return block[blockPlace]
    }
}

/// A place in a file where damage was found that somebody has looked at.
struct MendedPlace: Hashable, Sendable {
    var file: String
    var offset: Int64
}

extension SuppressionIndex.Contents {
    /// As lines of JSON.
    var written: [UInt8] {
        var output: [UInt8] = []
        func add(_ kind: String, _ body: (inout JSONLine) -> Void) {
            var line = JSONLine()
            line.append("kind", kind)
            body(&line)
            output.append(contentsOf: line.bytes)
            output.append(contentsOf: "}\n".utf8)
        }
        func checkpoint(_ name: String, _ kind: String, _ checkpoint: ChainCheckpoint) {
            add(kind) { line in
                line.append("name", name)
                line.append("offset", Int(checkpoint.offset))
                line.append("header", Hex.encode(checkpoint.header))
                line.append("mac", Hex.encode(checkpoint.mac))
            }
        }
        if let file { checkpoint(SuppressionFile.name, "file", file) }
        for (name, place) in events.sorted(by: { $0.key < $1.key }) { checkpoint(name, "events", place) }
        for name in listNames { add("list") { $0.append("name", name) } }
        for (tag, removal) in removals {
            add("removal") { line in
                line.append("tag", tag.description)
                if let scope = removal.scope { line.append("scope", scope) }
                if let cause = removal.cause { line.append("cause", cause.rawValue) }
                line.append("own", removal.isOwn ? 1 : 0)
                line.append("at", Int(removal.milliseconds))
            }
        }
        for event in complaints {
            add("complaint") { line in
                line.append("job", event.job.description)
                line.append("row", Int(event.row.value))
                line.append("at", Int(event.milliseconds))
            }
        }
        for place in mended {
            add("mended") { line in
                line.append("name", place.file)
                line.append("offset", Int(place.offset))
            }
        }
        return output
    }

    /// Reads the lines back; `nil` if one is none of these.
    init?(reading bytes: ArraySlice<UInt8>) {
        self.init()
        for text in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let line = JSONObject(text) else { return nil }
            switch line.text("kind") {
            case "file":
                guard let place = Self.checkpoint(line) else { return nil }
                file = place
            case "events":
                guard let name = line.text("name"), let place = Self.checkpoint(line) else { return nil }
                events[name] = place
            case "list":
                guard let name = line.text("name") else { return nil }
                listNames.append(name)
            case "removal":
                guard let tag = line.text("tag").flatMap({ AddressTag(hex: $0) }), let at = line.number("at") else {
                    return nil
                }
                let cause = line.number("cause").flatMap { TagState.Cause(rawValue: $0) }
                let removal = SuppressionRemovals.Removal(
                    scope: line.number("scope"),
                    cause: cause,
                    isOwn: line.number("own") == 1,
                    milliseconds: Int64(at)
                )
                removals.append((tag, removal))
            case "complaint":
                guard let job = line.text("job").flatMap({ JobID($0) }), let at = line.number("at"),
                    let row = line.number("row").flatMap({ UInt32(exactly: $0) })
                else { return nil }
                complaints.append(Event(.complaint, job: job, row: RowNumber(row), milliseconds: Int64(at)))
            case "mended":
                guard let name = line.text("name"), let offset = line.number("offset") else { return nil }
                mended.insert(MendedPlace(file: name, offset: Int64(offset)))
            default: return nil
            }
        }
    }

    private static func checkpoint(_ line: JSONObject) -> ChainCheckpoint? {
        guard let offset = line.number("offset"), let header = line.text("header").flatMap({ Hex.decode($0) }),
            let mac = line.text("mac").flatMap({ Hex.decode($0) }), mac.count == Chain.macCount
        else { return nil }
        return ChainCheckpoint(offset: Int64(offset), header: header, mac: mac)
    }
}
