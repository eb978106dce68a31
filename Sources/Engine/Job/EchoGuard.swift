import Core

/// Takes a row's cells out of what a server said about its message.
///
/// A content filter may answer with words from the message it refuses. Each word of the answer that is a word of one of the row's
/// PHI cells is hidden, whatever its case; longer ones also where they are a part of one. Words count from three letters or
/// digits on: shorter ones tell nobody anything, and stand in every answer.
struct EchoGuard: Sendable {
    private static let shortest = 3
    private static let shortestPart = 6
    private static let hidden = Array("…".utf8)

    /// The columns whose cells are hidden.
    private let columns: [Int]

    /// Hides the cells of these columns.
    init(columns: [Int]) {
        self.columns = columns
    }

    /// The answer without the row's words.
    ///
    /// The reply code at its start stays.
    func clean(_ answer: String, _ row: borrowing Row) -> String {
        let bytes = Array(answer.utf8)
        var cells: [UInt8]?
        var cleaned: [UInt8] = []
        var copied = 0
        for word in Self.words(in: bytes, from: Self.codeLength(bytes)) {
            let known = cells ?? lowercased(row)
            cells = known
            guard Self.isHidden(bytes[word], in: known) else { continue }
            cleaned += bytes[copied..<word.lowerBound]
            cleaned += Self.hidden
            copied = word.upperBound
        }
        guard copied > 0 else { return answer }
        cleaned += bytes[copied...]
        return String(decoding: cleaned, as: UTF8.self)
    }

    /// All PHI cells in lower case, with a byte between that is part of no word.
    private func lowercased(_ row: borrowing Row) -> [UInt8] {
        var cells: [UInt8] = [0]
        for column in columns where column < row.count {
            // Other letters than ASCII's have their own lower case; a cell without them costs no string.
            let cell = row[column]
            if cell.allSatisfy({ $0 < 0x80 }) {
                for byte in cell { cells.append((0x41...0x5A).contains(byte) ? byte + 0x20 : byte) }
            } else {
                cells.append(contentsOf: String(decoding: cell, as: UTF8.self).lowercased().utf8)
            }
            cells.append(0)
        }
        return cells
    }

    private static func isHidden(_ word: ArraySlice<UInt8>, in cells: [UInt8]) -> Bool {
        let word = Array(String(decoding: word, as: UTF8.self).lowercased().utf8)
        guard let first = word.first, cells.count > word.count else { return false }
        var index = 0
        while index + word.count <= cells.count {
            defer { index += 1 }
            guard cells[index] == first, cells[index..<(index + word.count)].elementsEqual(word) else { continue }
            if word.count >= shortestPart { return true }
            let isWhole =
                !isLetter(cells[index - 1])
                && (index + word.count == cells.count || !isLetter(cells[index + word.count]))
            if isWhole { return true }
        }
        return false
    }

    private static func words(in bytes: [UInt8], from start: Int) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var begin: Int?
        for index in start...bytes.count {
            if index < bytes.count, isLetter(bytes[index]) {
                begin = begin ?? index
            } else if let first = begin {
                if index - first >= shortest { words.append(first..<index) }
                begin = nil
            }
        }
        return words
    }

    private static func codeLength(_ bytes: [UInt8]) -> Int {
        bytes.count >= 3 && bytes[..<3].allSatisfy { (0x30...0x39).contains($0) } ? 3 : 0
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
