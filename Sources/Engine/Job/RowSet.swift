import Core

/// A set of rows: an eighth of a byte a row, and nothing while it is empty.
struct RowSet: Sendable, Equatable {
    private var words: [UInt64] = []

    mutating func insert(_ row: RowNumber) {
        let word = Int(row.value / 64)
        if word >= words.count { words.append(contentsOf: repeatElement(0, count: word + 1 - words.count)) }
        words[word] |= 1 << UInt64(row.value % 64)
    }

    func contains(_ row: RowNumber) -> Bool {
        let word = Int(row.value / 64)
        return word < words.count && words[word] & (1 << UInt64(row.value % 64)) != 0
    }
}
