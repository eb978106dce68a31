/// Small work on lines of text.
enum Lines {
    /// The text without white space at its ends.
    static func trimmed(_ text: some StringProtocol) -> String {
        let bytes = Array(text.utf8)
        guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }

    /// The lines of a text, without their ends; at most so many.
    static func split(_ text: String, atMost limit: Int = 4_000) -> [String] {
        text.utf8.split(separator: 0x0A, maxSplits: limit, omittingEmptySubsequences: false).prefix(limit)
            .map { line in
                String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
            }
    }

    /// Whether a byte is white space in ASCII.
    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }

    private static let boundary = Array("boundary".utf8)

    /// Whether a line may declare a multipart's boundary.
    static func holdsBoundary(_ line: ArraySlice<UInt8>) -> Bool {
        var start = line.startIndex
        while let found = line[start...].firstIndex(where: { $0 | 0x20 == boundary[0] }) {
            if line.endIndex - found < boundary.count { return false }
            if zip(line[found...], boundary).allSatisfy({ $0 | 0x20 == $1 }) { return true }
            start = found + 1
        }
        return false
    }
}
