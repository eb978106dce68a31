import Core
public import Files
public import OpenSSL

extension MendedPlace {
    /// Reads a line that says that somebody has looked at damage; `nil` for any other.
    init?(_ line: JSONObject) {
        guard line.text("op") == "mend", let file = line.text("damaged"), let offset = line.number("at") else {
            return nil
        }
        self.init(file: file, offset: Int64(offset))
    }
}

/// What a damaged line was made into.
public struct MendedLine: Hashable, Sendable {
    /// Where it is and what is wrong with it.
    public let fault: ChainFault
    /// Whether it could be read, and what it says is on the list now.
    public let isSaved: Bool
}

/// What came of mending.
public struct MendReport: Sendable {
    /// The damage that was looked at.
    public internal(set) var lines: [MendedLine] = []
    /// How many entries were put on the list again, from damaged lines and from the index.
    public internal(set) var saved = 0
    /// The name under which a file was put aside that could not be added to.
    public internal(set) var putAside: String?
}

extension SuppressionFile {
    /// Puts a damaged list right, on the recipients' side: whatever can still be read of a damaged line keeps mail
    /// from its mailbox, and so does what only the index knows.
    ///
    /// Then a line says which damage was looked at.
    ///
    /// Nothing is taken out: damaged lines stay where they are.
    ///
    /// - Parameters:
    ///   - suppressionKey: The site's suppression key.
    ///   - events: The events, whose damage is mended, too.
    ///   - directory: Where the events are.
    public func mend(_ suppressionKey: SecretBytes, events: EventReader?, in directory: Directory?) throws -> MendReport
    {
        var report = MendReport()
        var held = try file.hold()
        let tagger = AddressTagger(key: suppressionKey)
        let index = SuppressionIndex(in: outbox, key: SuppressionIndex.derived(suppressionKey))
        // What the files say without the index.
        var tuning = SuppressionList.Tuning()
        tuning.hasIndex = false
        var list = SuppressionList(outbox: outbox, key: suppressionKey, events: events, tuning: tuning)
        try list.refresh()
        var found = list.faults
        if let file = index?.contents.file, try outbox.status(of: Self.name)?.size ?? 0 < file.offset {
            found.append(ChainFault(file: Self.name, offset: file.offset, problem: "the file is shorter than it was"))
        }
        var records: [SuppressionRecord] = []
        for fault in found {
            let room = fault.file == Self.name ? outbox : directory
            let saved = room.map { Self.legible(fault, in: $0, tagger) } ?? []
            report.lines.append(MendedLine(fault: fault, isSaved: !saved.isEmpty))
            records += saved
        }
        let hasHeader = Self.follower(key).isReadable(in: outbox)
        if !hasHeader, try held.status().size > 0 {
            // Every line of it is as good as damaged, and nothing can be added.
            try Self.forEachLegible(in: held, tagger) { records.append($0) }
            let aside = "\(Self.name).damaged-\(Hex.encode(Random.bytes(4)))"
            try outbox.link(Self.name, to: aside)
            try outbox.replace(Self.name, permissions: 0o600) { _ in }
            report.putAside = aside
            held = try file.hold()
        }
        if let index { try Self.collect(index, missingFrom: list, into: &records) }
        var kept: [SuppressionRecord] = []
        for record in records where try list.take(record) == .new { kept.append(record) }
        report.saved = kept.count
        // Of a file that was put aside the places mean nothing in the new one.
        let standing = found.filter { report.putAside == nil || $0.file != Self.name }
        let places = Set(standing.map { MendedPlace(file: $0.file, offset: $0.offset) })
        guard !places.isEmpty || !kept.isEmpty || report.putAside != nil else {
            try sign(held, behind: try held.status().size, isNew: false)
            return report
        }
        let position = try whole(held)
        let appended = try file.append(to: held, behind: position) { add in
            for record in kept { try add { record.appendMembers(to: &$0) } }
            let now = Timestamp.now.description
            for place in places.sorted(by: { ($0.file, $0.offset) < ($1.file, $1.offset) }) {
                try add { line in
                    line.append("time", now)
                    line.append("op", "mend")
                    line.append("damaged", place.file)
                    line.append("at", Int(place.offset))
                }
            }
        }
        try sign(appended)
        try outbox.remove(SuppressionIndex.name)
        return report
    }

    /// Where the chain stands by what a reader makes of the whole file, whatever its last line looks like.
    private func whole(_ held: Descriptor) throws -> ChainedFile.Position {
        let size = try held.status().size
        let start = max(0, size - Int64(ChainFollower.maximumLine))
        let tail = try held.read(at: start, count: Int(size - start))
        if let last = tail.lastIndex(of: UInt8(ascii: "\n")) {
            // A last line that a crash has torn nobody was ever told of.
            if last + 1 < tail.count { try held.truncate(to: start + Int64(last) + 1) }
        } else if size > 0 {
            try held.write([UInt8(ascii: "\n")])
        }
        var follower = Self.follower(key)
        var count = 0
        try follower.poll(in: outbox, fault: { _ in }) { count = max(count, $0.number("n") ?? 0) }
        guard let checkpoint = follower.checkpoint else { return try file.begin(held) }
        let first = try held.read(at: 0, count: ChainFollower.maximumLine)
        let header = first.prefix { $0 != UInt8(ascii: "\n") }
        guard let (text, _) = Chain.parts(header) else { return try file.begin(held) }
        var chain = Chain(key: key, header: text)
        chain.resume(from: checkpoint.mac)
        return ChainedFile.Position(chain: chain, count: count)
    }

    /// Entries in force that the index has and the files have not.
    private static func collect(
        _ index: SuppressionIndex,
        missingFrom list: borrowing SuppressionList,
        into records: inout [SuppressionRecord]
    ) throws {
        let known = SuppressionSet(index)
        var merge = SuppressionMerge(known)
        while let entry = try merge.next() {
            let record = SuppressionRecord.add(
                entry.tag,
                scope: known.scope(entry.state.scope),
                reason: entry.state.cause.reason,
                since: entry.state.moment
            )
            if try list.suppressed.moment(of: record) == nil { records.append(record) }
        }
    }

    /// What can still be read of a damaged line, on the recipient's side: the mailbox, and all mail where the scope cannot be read.
    static func legible(_ fault: ChainFault, in directory: Directory, _ tagger: AddressTagger) -> [SuppressionRecord] {
        guard let file = try? directory.openRegular(fault.file),
            let bytes = try? file.read(at: fault.offset, count: ChainFollower.maximumLine)
        else { return [] }
        return legible(bytes.prefix { $0 != UInt8(ascii: "\n") }, tagger)
    }

    private static func forEachLegible(
        in file: Descriptor,
        _ tagger: AddressTagger,
        _ body: (SuppressionRecord) -> Void
    ) throws {
        var offset: Int64 = 0
        while true {
            let bytes = try file.read(at: offset, count: 1 << 18)
            if bytes.isEmpty { return }
            let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? bytes.count
            for line in bytes[..<end].split(separator: UInt8(ascii: "\n")) {
                for record in legible(line, tagger) { body(record) }
            }
            offset += Int64(end)
        }
    }

    private static func legible(_ line: ArraySlice<UInt8>, _ tagger: AddressTagger) -> [SuppressionRecord] {
        if let object = JSONObject(line) {
            // A line that reads well may be in the wrong place; what takes mailboxes off is not believed.
            if let event = Event(object) {
                return SuppressionRecord(event).map { $0.operation == .add ? [$0] : [] } ?? []
            }
            if object.text("op") == "remove" || object.text("op") == "mend" { return [] }
            if let record = SuppressionRecord(object) { return [retagged(record, tagger)] }
        }
        // Two lines may have become one.
        let tags = values("tag", in: line).compactMap { AddressTag(hex: $0) }
        let harmless =
            values("op", in: line).count { $0 == "remove" }
            + values("kind", in: line).count { $0 != "unsubscribe" && $0 != "complaint" }
        return harmless < tags.count ? tags.map { .add($0) } : []
    }

    /// The tag is made anew from the address, where the line has one: the key may have changed.
    private static func retagged(_ record: SuppressionRecord, _ tagger: AddressTagger) -> SuppressionRecord {
        guard let text = record.address?.exposed, let address = try? Address(parsing: text, toASCII: { _ in nil })
        else {
            return record
        }
        var record = record
        record.tag = tagger.tag(of: address)
        return record
    }

    /// The texts of a member that can be made out in a line which as a whole cannot be read.
    private static func values(_ name: String, in line: ArraySlice<UInt8>) -> [String] {
        let start = Array("\"\(name)\":\"".utf8)
        guard line.count >= start.count else { return [] }
        return (line.startIndex...(line.endIndex - start.count)).filter { line[$0...].starts(with: start) }.compactMap {
            String(
                validating: line[($0 + start.count)...].prefix { $0 != UInt8(ascii: "\"") },
                as: UTF8.self
            )
        }
    }
}

extension ChainFollower {
    /// Whether the file starts as one of ours under our key.
    consuming func isReadable(in directory: Directory) -> Bool {
        _ = try? poll(in: directory, while: { false }, fault: { _ in }) { _ in }
        return checkpoint != nil
    }
}
