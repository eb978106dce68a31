/// One recipient's cells: valid UTF-8, end to end in one buffer, so that a row costs two allocations and no strings.
public struct Row: Sendable, CustomStringConvertible, CustomReflectable {
    /// The row's number, from 1.
    public var number: RowNumber
    /// The line of the file on which the row starts, from 1.
    public var line: Int
    /// All cells' bytes, one after another.
    public private(set) var bytes: [UInt8]
    private var ends: [Int32]

    /// An empty row, to be filled cell by cell.
    public init(number: RowNumber, line: Int) {
        self.number = number
        self.line = line
        self.bytes = []
        self.ends = []
    }

    /// A row from text, for tests and previews.
    public init(number: RowNumber, line: Int, cells: [String]) {
        self.init(number: number, line: line)
        for cell in cells {
            append(cell: cell.utf8)
        }
    }

    /// Adds the next cell.
    public mutating func append(cell: some Sequence<UInt8>) {
        bytes.append(contentsOf: cell)
        ends.append(Int32(bytes.count))
    }

    /// Adds the next cell from raw memory.
    public mutating func append(cell: UnsafeRawBufferPointer) {
        unsafe bytes.append(contentsOf: cell)
        ends.append(Int32(bytes.count))
    }

    /// Empties the row for the next one and keeps its memory.
    public mutating func reset(number: RowNumber, line: Int) {
        self.number = number
        self.line = line
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    /// How many cells it has.
    public var count: Int {
        ends.count
    }

    /// Where a column's cell lies in ``bytes``; columns count from 0.
    public func range(_ column: Int) -> Range<Int> {
        Int(column == 0 ? 0 : ends[column - 1])..<Int(ends[column])
    }

    /// A cell's bytes.
    public subscript(column: Int) -> ArraySlice<UInt8> {
        bytes[range(column)]
    }

    /// A cell as text; only for the few places that need a `String`.
    public func text(_ column: Int) -> String {
        String(decoding: self[column], as: UTF8.self)
    }

    /// The number only, never a cell.
    public var description: String {
        "row \(number)"
    }

    /// A mirror without children, so that `dump` shows no cell.
    public var customMirror: Mirror {
        Mirror(self, children: EmptyCollection<Mirror.Child>())
    }
}
