import Core
import Files

/// The lines of a file, read in blocks.
struct LineSource {
    /// One line, in ``LineSource/bytes``.
    struct Line {
        /// Where it begins in the file.
        var offset: Int64
        /// All of it, with its line feed if it has one.
        var range: Range<Int>
        /// What stands before the tag; empty unless ``isWhole``.
        var content: Range<Int>
        /// Whether it ends in a line feed and has room for a tag.
        var isWhole: Bool
        /// Whether nothing comes after it.
        var isLast: Bool
    }

    let file: Descriptor
    let size: Int64
    /// The block that holds the latest line.
    private(set) var bytes: [UInt8] = []
    private var blockOffset: Int64 = 0
    private var place = 0

    init(file: Descriptor, size: Int64) {
        self.file = file
        self.size = size
    }

    /// Where the next line begins in the file.
    var position: Int64 {
        blockOffset + Int64(place)
    }

    /// The next line, or `nil` at the end.
    ///
    /// A line longer than any of ours is given in part, and is not whole.
    mutating func next() throws(LedgerError) -> Line? {
        if let end = lineFeed() { return line(to: end + 1) }
        guard position < size else { return nil }
        if place > 0 || bytes.isEmpty {
            blockOffset = position
            place = 0
            let count = Int(min(Int64(LineFormat.longestLine), size - blockOffset))
            do throws(FileError) {
                try file.read(at: blockOffset, count: count, into: &bytes)
            } catch {
                throw .file(error)
            }
            if bytes.isEmpty { return nil }
            if let end = lineFeed() { return line(to: end + 1) }
        }
        return line(to: bytes.count)
    }

    /// Whether the file has nothing but zeros from there on.
    func isZero(from start: Int64) throws(LedgerError) -> Bool {
        var offset = start
        while offset < size {
            let from = offset
            let block = try onDisk { () throws(FileError) in try file.read(at: from, count: 1 << 20) }
            guard !block.isEmpty else { return true }
            guard block.allSatisfy({ $0 == 0 }) else { return false }
            offset += Int64(block.count)
        }
        return true
    }

    private func lineFeed() -> Int? {
        bytes[place...].firstIndex(of: UInt8(ascii: "\n"))
    }

    private mutating func line(to end: Int) -> Line {
        let range = place..<end
        let isWhole = range.count > Chain.tail && bytes[end - 1] == UInt8(ascii: "\n")
        let line = Line(
            offset: position,
            range: range,
            content: isWhole ? place..<(end - Chain.tail) : place..<place,
            isWhole: isWhole,
            isLast: position + Int64(range.count) >= size
        )
        place = end
        return line
    }
}
