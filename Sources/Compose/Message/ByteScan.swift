/// Looks for bytes eight at a time.
///
/// Nearly all the unsafe code of the message writer: every load lies within the array, which the precondition ensures.
enum ByteScan {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// The first byte of the range that quoted-printable cannot always copy: a control character (tab included), `=`,
    /// DEL or anything above; the range's end if there is none.
    static func firstSpecial(in bytes: [UInt8], _ range: Range<Int>) -> Int {
        first(in: bytes, range, word: special) { $0 < 0x20 || $0 == 0x3D || $0 >= 0x7F }
    }

    /// The first CR or LF of the range; its end if there is none.
    static func firstLineEnd(in bytes: [UInt8], _ range: Range<Int>) -> Int {
        first(in: bytes, range, word: { equal($0, 0x0A) | equal($0, 0x0D) }, byte: { $0 == 0x0A || $0 == 0x0D })
    }

    /// Whether every byte of the range is below 0x80.
    static func isASCII(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        first(in: bytes, range, word: { $0 & highs }, byte: { $0 >= 0x80 }) == range.upperBound
    }

    /// The first byte of the range that relaxed canonicalisation may change: a tab, or a space before a space, a tab or a
    /// CR; the range's end if there is none.
    static func firstLooseSpace(in bytes: [UInt8], _ range: Range<Int>) -> Int {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        return unsafe bytes.withUnsafeBytes { buffer in
            var index = range.lowerBound
            // The neighbours of eight bytes are the eight bytes one further.
            while index &+ 9 <= range.upperBound {
                let word = unsafe UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let next = unsafe UInt64(
                    littleEndian: buffer.loadUnaligned(fromByteOffset: index &+ 1, as: UInt64.self)
                )
                let hits =
                    exact(word, 0x09) | exact(word, 0x20) & (exact(next, 0x20) | exact(next, 0x09) | exact(next, 0x0D))
                if hits != 0 { return index &+ hits.trailingZeroBitCount / 8 }
                index &+= 8
            }
            while index < range.upperBound {
                let byte = unsafe buffer[index]
                if byte == 0x09 { return index }
                if byte == 0x20, index &+ 1 < range.upperBound {
                    let next = unsafe buffer[index &+ 1]
                    if next == 0x20 || next == 0x09 || next == 0x0D { return index }
                }
                index &+= 1
            }
            return range.upperBound
        }
    }

    /// How many bytes quoted-printable would encode: what is above 0x7E, `=`, and control characters below the tab.
    static func countEncoded(in bytes: [UInt8]) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            var count = 0
            var index = 0
            while index &+ 8 <= buffer.count {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                // Sums of seven bits never carry into the next byte, so each high bit tells of its own byte alone.
                let low = word & ~highs
                let other = low ^ (ones &* 0x3D)
                let above = (low &+ ones) | word
                let equal = ~((other &+ ones &* 0x7F) | word)
                let below = ~((low &+ ones &* 0x77) | word)
                let hits = (above | equal | below) & highs
                if hits != 0 { count &+= Int(truncatingIfNeeded: ((hits >> 7) &* ones) >> 56) }
                index &+= 8
            }
            while index < buffer.count {
                let byte = unsafe buffer[index]
                count &+= byte >= 0x7F || byte == 0x3D || byte < 0x09 ? 1 : 0
                index &+= 1
            }
            return count
        }
    }

    /// Appends a part of an array to another: as `append(contentsOf:)` with a slice does, but for the two reference
    /// counts that a slice costs, which is more than copying a line does.
    @inline(__always)
    static func append(_ bytes: [UInt8], _ range: Range<Int>, to output: inout [UInt8]) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe output.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[range]))
        }
    }

    /// Has the high bit set in the lowest byte that is below 0x20, `=`, DEL or above; higher bytes may be wrong.
    @inline(__always)
    private static func special(_ word: UInt64) -> UInt64 {
        let control = (word &- ones &* 0x20) & ~word & highs
        let delete = equal(word, 0x7F)
        return control | delete | equal(word, 0x3D) | (word & highs)
    }

    /// Has the high bit set in the lowest byte that equals the given one; higher bytes may be wrong.
    @inline(__always)
    private static func equal(_ word: UInt64, _ byte: UInt64) -> UInt64 {
        let difference = word ^ (ones &* byte)
        return (difference &- ones) & ~difference & highs
    }

    /// Has the high bit set in each byte that equals the given one, and no other.
    @inline(__always)
    private static func exact(_ word: UInt64, _ byte: UInt64) -> UInt64 {
        let difference = word ^ (ones &* byte)
        return ~(((difference & ~highs) &+ ~highs) | difference | ~highs)
    }

    @inline(__always)
    private static func first(
        in bytes: [UInt8],
        _ range: Range<Int>,
        word test: (UInt64) -> UInt64,
        byte isWanted: (UInt8) -> Bool
    ) -> Int {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        return unsafe bytes.withUnsafeBytes { buffer in
            var index = range.lowerBound
            while index &+ 8 <= range.upperBound {
                let word = unsafe UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let hits = test(word)
                if hits != 0 { return index &+ hits.trailingZeroBitCount / 8 }
                index &+= 8
            }
            while index < range.upperBound {
                if unsafe isWanted(buffer[index]) { return index }
                index &+= 1
            }
            return range.upperBound
        }
    }
}
