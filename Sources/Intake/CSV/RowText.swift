/// Looks at cells' bytes: are they text that may be mailed, and how many lines do they span.
enum RowText {
    /// Why a cell is not text.
    enum Flaw: Equatable {
        /// A control character other than tab and line ends.
        case control(UInt32)
        /// Bytes that are no text in the file's encoding.
        case undecodable
        /// U+FFFD: something was lost before the file was saved.
        case replacement
    }

    /// What a quick look at many bytes tells.
    struct Look {
        /// There is a byte below 20, or 7F.
        var hasControls: Bool
        /// There is a byte above 7F.
        var hasHighBytes: Bool

        /// Printable ASCII; nearly all rows are done with this.
        var isPlain: Bool {
            !hasControls && !hasHighBytes
        }
    }

    /// Looks at all bytes, eight at a time.
    static func look(at bytes: [UInt8]) -> Look {
        unsafe bytes.withUnsafeBytes { buffer in
            var low: UInt64 = 0
            var high: UInt64 = 0
            var index = 0
            while index + 8 <= buffer.count {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                // A byte below 20 borrows into its top bit, and 7F carries into it; 80 and above have it set already.
                low |= ((word &- 0x2020_2020_2020_2020) | (word &+ 0x0101_0101_0101_0101)) & ~word
                high |= word
                index += 8
            }
            while index < buffer.count {
                let byte = unsafe buffer[index]
                if byte < 0x20 || byte == 0x7F { low |= 0x80 }
                high |= UInt64(byte)
                index += 1
            }
            let top: UInt64 = 0x8080_8080_8080_8080
            return Look(hasControls: low & top != 0, hasHighBytes: high & top != 0)
        }
    }

    /// Checks one cell byte by byte, strictly by the table of RFC 3629 section 4: no overlong form, no surrogate.
    ///
    /// - Parameters:
    ///   - bytes: The cell.
    ///   - hasControls: Whether there may be control characters below 80; without them ASCII is skipped.
    static func flaw(in bytes: ArraySlice<UInt8>, hasControls: Bool = true) -> Flaw? {
        var index = bytes.startIndex
        let end = bytes.endIndex
        while index < end {
            if !hasControls {
                index = EncodingSurvey.nextBeyondASCII(in: bytes, from: index)
                if index == end { return nil }
            }
            let lead = bytes[index]
            if lead < 0x80 {
                if lead < 0x20 && lead != 0x09 && lead != 0x0A && lead != 0x0D || lead == 0x7F {
                    return .control(UInt32(lead))
                }
                index += 1
                continue
            }
            guard let length = sequenceLength(bytes, at: index) else { return .undecodable }
            if length == 2, lead == 0xC2, bytes[index + 1] < 0xA0 { return .control(UInt32(bytes[index + 1])) }
            if lead == 0xEF, bytes[index + 1] == 0xBF, bytes[index + 2] == 0xBD { return .replacement }
            index += length
        }
        return nil
    }

    /// The length of the well-formed sequence of two to four bytes at an index; `nil` if there is none.
    static func sequenceLength(_ bytes: ArraySlice<UInt8>, at index: Int) -> Int? {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch bytes[index] {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard index + length <= bytes.endIndex, second.contains(bytes[index + 1]) else { return nil }
        for next in (index + 2)..<max(index + 2, index + length) where bytes[next] & 0xC0 != 0x80 { return nil }
        return length
    }

    /// How many line ends there are: CR LF, LF and CR each count one.
    static func lineEnds(in bytes: some Sequence<UInt8>) -> Int {
        var count = 0
        var afterReturn = false
        for byte in bytes {
            if byte == 0x0A {
                if !afterReturn { count += 1 }
                afterReturn = false
            } else {
                afterReturn = byte == 0x0D
                if afterReturn { count += 1 }
            }
        }
        return count
    }
}
