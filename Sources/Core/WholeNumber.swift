/// Whole numbers in text, without the freedoms that `Int(_:)` takes (a sign, leading zeros).
package enum WholeNumber {
    /// Reads a number of at most 15 digits without sign or leading zero.
    package static func read(_ text: some StringProtocol) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 1 || bytes.first != UInt8(ascii: "0") else { return nil }
        return digits(bytes[...])
    }

    /// Reads a fixed field of digits, leading zeros included.
    package static func digits(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard (1...15).contains(bytes.count) else { return nil }
        var number = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return number
    }

    /// Writes a number with leading zeros.
    package static func padded(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
