/// The base64 encoding of a part's body, RFC 2045 section 6.8: lines of 76 characters, each ended by CRLF.
enum Base64Lines {
    /// The bytes that make one line of 76 characters.
    private static let block = 57

    /// Two characters for every twelve bits, the first in the low byte.
    private static let pairs: [UInt16] = {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        return (0..<4096).map { UInt16(alphabet[$0 >> 6]) | UInt16(alphabet[$0 & 63]) << 8 }
    }()

    /// How many octets ``append(_:to:)`` writes for so many bytes.
    static func encodedCount(_ count: Int) -> Int {
        (count + 2) / 3 * 4 + (count + block - 1) / block * 2
    }

    /// Appends the encoded bytes.
    static func append(_ bytes: [UInt8], to output: inout [UInt8]) {
        let table = pairs
        output.append(addingCapacity: encodedCount(bytes.count)) { target in
            let source = bytes.span
            let pairs = table.span
            var index = 0
            while index < source.count {
                let end = min(index + block, source.count)
                while index + 3 <= end {
                    let high = Int(source[index]) << 4 | Int(source[index + 1]) >> 4
                    let low = (Int(source[index + 1]) & 15) << 8 | Int(source[index + 2])
                    append(pairs[high], to: &target)
                    append(pairs[low], to: &target)
                    index += 3
                }
                if index < end {
                    let second = end - index == 2 ? Int(source[index + 1]) : 0
                    append(pairs[Int(source[index]) << 4 | second >> 4], to: &target)
                    target.append(end - index == 2 ? UInt8(truncatingIfNeeded: pairs[(second & 15) << 8]) : 0x3D)
                    target.append(0x3D)
                    index = end
                }
                target.append(0x0D)
                target.append(0x0A)
            }
        }
    }

    @inline(__always)
    private static func append(_ pair: UInt16, to target: inout OutputSpan<UInt8>) {
        target.append(UInt8(truncatingIfNeeded: pair))
        target.append(UInt8(truncatingIfNeeded: pair >> 8))
    }
}
