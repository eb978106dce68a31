import Core
import Files
import OpenSSL

/// A ledger read from its start: every line checked, and what the job has come to.
struct Replay {
    private(set) var header: LedgerHeader
    private(set) var rows: RowStates
    private(set) var run = RunState()
    private(set) var channels: [Channel] = []
    /// How many lines hold.
    private(set) var lines = 0
    /// Where the last line that holds ends.
    private(set) var length: Int64 = 0
    /// How many bytes after that are a torn write's.
    private(set) var torn: Int64 = 0
    /// The last line's hash, for going on.
    private(set) var chain: [UInt8] = []
    /// Whether a line that was known beforehand ends where it did.
    private(set) var hasMark = false

    private static let block = 1 << 20

    /// Reads the file to the end that it has now.
    ///
    /// - Parameter mark: Where a line is known to have ended, to be looked for.
    init(
        _ file: Descriptor,
        job: JobID,
        key: HMACSHA256,
        mark: WitnessMark? = nil
    ) throws(LedgerError) {
        let size = try onDisk { () throws(FileError) in try file.status().size }
        var source = LineSource(file: file, size: size)
        guard let first = try source.next(), first.isWhole else { throw .unfinished(job) }
        var chain = Chain(head: source.bytes[first.content], key: key)
        guard first.content.count > 0, chain.tagMatches(source.bytes, first.content.upperBound) else {
            throw .broken(job, line: 1, what: "its head was not written with this site's ledger key")
        }
        let head = LineDecoder(source.bytes[first.content])
        guard let version = head.version, version == LineFormat.version else {
            throw .version(job, found: head.version ?? "unknown")
        }
        guard let (header, links) = head.header(), header.job == job else {
            throw .broken(job, line: 1, what: "its head is not this job's")
        }
        self.header = header
        rows = RowStates(rows: header.rows)
        lines = 1
        length = source.position
        hasMark = length == mark?.length && chain.tag == mark?.tag
        while let line = try source.next() {
            guard line.isWhole, chain.follows(source.bytes, line.range) else {
                try judge(line, source, chain.state, job)
                break
            }
            lines += 1
            guard take(source.bytes, line.content, at: line.offset, links: links) else {
                throw .broken(job, line: lines, what: "this version cannot read it")
            }
            length = source.position
            if length == mark?.length { hasMark = chain.tag == mark?.tag }
        }
        guard self.header.links.count == links else { throw .unfinished(job) }
        torn = size - length
        self.chain = chain.state
    }

    // MARK: - Damage

    /// Lets a torn tail pass and throws for anything else: a line that does not follow.
    private func judge(
        _ line: LineSource.Line,
        _ source: LineSource,
        _ hash: [UInt8],
        _ job: JobID
    ) throws(LedgerError) {
        // A crash can leave a file longer than what was written into it, with zeros; no line has zeros.
        if let zero = source.bytes[line.range].firstIndex(of: 0),
            try source.isZero(from: line.offset + Int64(zero - line.range.lowerBound))
        {
            return
        }
        // The last line alone can be half written. If a whole line stands at its start, then the line feed between two
        // lines was changed, which no crash does.
        if line.isLast, !holdsWholeLine(line, source, hash) { return }
        throw .broken(job, line: lines + 1, what: "it does not follow from the lines before it")
    }

    private func holdsWholeLine(_ line: LineSource.Line, _ source: LineSource, _ hash: [UInt8]) -> Bool {
        guard line.range.count > Chain.tail else { return false }
        // Up to the last place where one more line could begin.
        for end in line.range.dropFirst(Chain.tail) where source.bytes[end - Chain.tail + 1] == LineFormat.tab {
            var chain = Chain(hash: hash)
            var candidate = Array(source.bytes[line.range.lowerBound..<end])
            candidate.append(UInt8(ascii: "\n"))
            if end < line.range.upperBound - 1, chain.follows(candidate, 0..<candidate.count) { return true }
        }
        return false
    }

    // MARK: - Lines

    /// Takes in a line that holds; `false` if it says nothing that is known.
    private mutating func take(_ bytes: [UInt8], _ line: Range<Int>, at offset: Int64, links: Int) -> Bool {
        if let record = RowLine(bytes, line) {
            guard rows.contains(record.row), header.links.count == links else { return false }
            rows.set(record.row, record.phase, attempts: record.attempts, offset: offset)
            if record.phase != .deferred { return true }
        }
        let decoder = LineDecoder(bytes[line])
        switch decoder.kind {
        case "link":
            guard let (number, target) = decoder.link(), number == header.links.count + 1, number <= links else {
                return false
            }
            header.links.append(target)
            return true
        case "channel":
            guard let (number, channel) = decoder.channel(), number == channels.count + 1 else { return false }
            channels.append(channel)
            return true
        default:
            guard let record = decoder.record(channels: channels, messageDomain: header.messageDomain) else {
                return false
            }
            switch record {
            case .deferred(let row, let deferral): rows.setDue(row, deferral.due)
            case .retried(_, let selection): rows.retry(selection)
            default: break
            }
            run.take(record)
            return true
        }
    }
}

/// The first three fields of a row's line, read without copying: there are two such lines a row.
private struct RowLine {
    var row: RowNumber
    var phase: RowPhase
    var attempts: Int

    init?(_ bytes: [UInt8], _ line: Range<Int>) {
        guard let phase = Self.phase(bytes, line) else { return nil }
        var place = line.lowerBound
        while place < line.upperBound, bytes[place] != LineFormat.tab { place += 1 }
        guard let row = Self.number(bytes, &place, line.upperBound),
            let attempts = Self.number(bytes, &place, line.upperBound), row >= 1, row <= Int(UInt32.max)
        else { return nil }
        self.row = RowNumber(UInt32(row))
        self.phase = phase
        self.attempts = attempts
    }

    private static func phase(_ bytes: [UInt8], _ line: Range<Int>) -> RowPhase? {
        for (word, phase) in words where line.count > word.count {
            if bytes[line.lowerBound] == word[0], bytes[line.lowerBound + word.count] == LineFormat.tab,
                bytes[line.lowerBound..<(line.lowerBound + word.count)].elementsEqual(word)
            {
                return phase
            }
        }
        return nil
    }

    private static let words: [([UInt8], RowPhase)] =
        [(Array("tried".utf8), .tried), (Array("sent".utf8), .ended(.sent)), (Array("deferred".utf8), .deferred)]
        + RowStatus.allCases.filter { $0 != .sent }.map { (Array($0.rawValue.utf8), .ended($0)) }

    private static func number(_ bytes: [UInt8], _ place: inout Int, _ end: Int) -> Int? {
        place += 1
        var value = 0
        let start = place
        while place < end, bytes[place] != LineFormat.tab {
            let digit = bytes[place] &- UInt8(ascii: "0")
            guard digit <= 9, place - start < 12 else { return nil }
            value = value * 10 + Int(digit)
            place += 1
        }
        return place > start ? value : nil
    }
}
