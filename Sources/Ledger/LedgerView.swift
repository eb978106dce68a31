public import Core
import Files
import Synchronization

/// A ledger as it was at one moment, for reading.
///
/// Every line was checked when the view was made. What a row came to is read from the file when it is asked for; rows
/// ended nearly in order, so that a few blocks kept in memory answer nearly all of it.
public final class LedgerView: Sendable {
    /// The job.
    public let header: LedgerHeader
    /// How far each row has come.
    public let rows: RowStates
    /// What the job as a whole has been through.
    public let run: RunState
    /// How many bytes at the end were a torn write's; they count for nothing.
    public let torn: Int64
    private let channels: [Channel]
    private let file: Descriptor
    private let blocks = Mutex(BlockCache())

    init(header: LedgerHeader, rows: RowStates, run: RunState, channels: [Channel], torn: Int64, file: Descriptor) {
        self.header = header
        self.rows = rows
        self.run = run
        self.channels = channels
        self.torn = torn
        self.file = file
    }

    convenience init(_ replay: Replay, file: Descriptor) {
        self.init(
            header: replay.header,
            rows: replay.rows,
            run: replay.run,
            channels: replay.channels,
            torn: replay.torn,
            file: file
        )
    }

    /// What became of a row; `nil` while it has not ended.
    public func outcome(of row: RowNumber) throws(LedgerError) -> Outcome? {
        guard rows[row].phase.isEnded, case .ended(_, let outcome) = try latest(of: row) else { return nil }
        return outcome
    }

    /// A row's last record, whatever the row's state: for one to be tried again, what it had come to before; `nil` if
    /// nothing was written of it.
    public func latest(of row: RowNumber) throws(LedgerError) -> LedgerRecord? {
        let offset = rows[row].offset
        guard offset > 0 else { return nil }
        let line = try blocks.withLock { cache throws(LedgerError) in try cache.line(at: offset, of: file) }
        guard line.count > Chain.tail else { throw damaged }
        let decoder = LineDecoder(line.dropLast(Chain.tail))
        guard let record = decoder.record(channels: channels, messageDomain: header.messageDomain) else {
            throw damaged
        }
        return record
    }

    /// The line was there when the view was made.
    private var damaged: LedgerError {
        .broken(header.job, line: 0, what: "it was changed while it was read")
    }
}

/// A few blocks of a file, the least recently used given up first.
private struct BlockCache {
    private static let size: Int64 = 1 << 16
    private static let most = 8

    private struct Block {
        var number: Int64
        var bytes: [UInt8]
        var used: UInt64
    }

    private var blocks: [Block] = []
    private var clock: UInt64 = 0

    /// The line that begins at a place, with its line feed; empty if there is none.
    mutating func line(at offset: Int64, of file: Descriptor) throws(LedgerError) -> ArraySlice<UInt8> {
        var number = offset / Self.size
        let index = try load(number, of: file)
        let start = Int(offset % Self.size)
        guard start < blocks[index].bytes.count else { return [] }
        if let end = blocks[index].bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            return blocks[index].bytes[start...end]
        }
        var line = Array(blocks[index].bytes[start...])
        while line.count <= LineFormat.longestLine {
            number += 1
            let next = try load(number, of: file)
            guard !blocks[next].bytes.isEmpty else { break }
            if let end = blocks[next].bytes.firstIndex(of: UInt8(ascii: "\n")) {
                line += blocks[next].bytes[...end]
                return line[...]
            }
            line += blocks[next].bytes
        }
        return []
    }

    private mutating func load(_ number: Int64, of file: Descriptor) throws(LedgerError) -> Int {
        clock += 1
        if let index = blocks.firstIndex(where: { $0.number == number }) {
            blocks[index].used = clock
            return index
        }
        let bytes = try onDisk { () throws(FileError) in
            try file.read(at: number * Self.size, count: Int(Self.size))
        }
        let block = Block(number: number, bytes: bytes, used: clock)
        guard blocks.count == Self.most, let oldest = blocks.indices.min(by: { blocks[$0].used < blocks[$1].used })
        else {
            blocks.append(block)
            return blocks.count - 1
        }
        blocks[oldest] = block
        return oldest
    }
}
