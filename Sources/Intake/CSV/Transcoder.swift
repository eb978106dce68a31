/// Turns a file's bytes into UTF-8, piece by piece.
///
/// What has no meaning in the encoding (half a surrogate pair, an undefined byte) becomes the byte FF, which no UTF-8 text
/// holds: the row it stands in is then refused like any row with broken UTF-8, and nothing is replaced in silence.
struct Transcoder {
    private static let undecodable: UInt8 = 0xFF

    private let encoding: TextEncoding
    private var markLeft: Int
    private var oddByte: UInt8?
    private var highSurrogate: UInt16?

    init(_ found: FoundEncoding) {
        encoding = found.encoding
        markLeft = found.markLength
    }

    /// Appends a piece's text.
    mutating func append(_ piece: [UInt8], to text: inout [UInt8]) {
        let skipped = min(markLeft, piece.count)
        markLeft -= skipped
        let bytes = piece[skipped...]
        switch encoding {
        case .utf8:
            text.append(contentsOf: bytes)
        case .windows1252:
            var index = bytes.startIndex
            while index < bytes.endIndex {
                let next = EncodingSurvey.nextBeyondASCII(in: bytes, from: index)
                text.append(contentsOf: bytes[index..<next])
                guard next < bytes.endIndex else { break }
                Self.append(windows1252: bytes[next], to: &text)
                index = next + 1
            }
        case .utf16, .utf16LittleEndian:
            for byte in bytes {
                guard let low = oddByte else {
                    oddByte = byte
                    continue
                }
                oddByte = nil
                append(unit: UInt16(byte) << 8 | UInt16(low), to: &text)
            }
        case .utf16BigEndian:
            for byte in bytes {
                guard let high = oddByte else {
                    oddByte = byte
                    continue
                }
                oddByte = nil
                append(unit: UInt16(high) << 8 | UInt16(byte), to: &text)
            }
        }
    }

    /// Appends what an end in the middle of a character leaves.
    mutating func finish(to text: inout [UInt8]) {
        if oddByte != nil || highSurrogate != nil { text.append(Self.undecodable) }
        oddByte = nil
        highSurrogate = nil
    }

    private mutating func append(unit: UInt16, to text: inout [UInt8]) {
        if let high = highSurrogate {
            highSurrogate = nil
            if (0xDC00...0xDFFF).contains(unit) {
                let value = 0x1_0000 + (UInt32(high - 0xD800) << 10 | UInt32(unit - 0xDC00))
                Self.append(scalar: value, to: &text)
                return
            }
            text.append(Self.undecodable)
        }
        switch unit {
        case 0xD800...0xDBFF: highSurrogate = unit
        case 0xDC00...0xDFFF: text.append(Self.undecodable)
        default: Self.append(scalar: UInt32(unit), to: &text)
        }
    }

    private static func append(windows1252 byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case 0x80..<0xA0:
            let value = upper[Int(byte) - 0x80]
            if value == 0 { text.append(undecodable) } else { append(scalar: UInt32(value), to: &text) }
        default: append(scalar: UInt32(byte), to: &text)
        }
    }

    private static func append(scalar value: UInt32, to text: inout [UInt8]) {
        let continuation = { (shift: UInt32) in UInt8(0x80 | (value >> shift & 0x3F)) }
        switch value {
        case 0..<0x80:
            text.append(UInt8(value))
        case 0x80..<0x800:
            text.append(UInt8(0xC0 | value >> 6))
            text.append(continuation(0))
        case 0x800..<0x1_0000:
            text.append(UInt8(0xE0 | value >> 12))
            text.append(continuation(6))
            text.append(continuation(0))
        default:
            text.append(UInt8(0xF0 | value >> 18))
            text.append(continuation(12))
            text.append(continuation(6))
            text.append(continuation(0))
        }
    }

    /// Windows-1252 from 80 to 9F, the part that ISO 8859-1 does not have; 0 where nothing is defined.
    private static let upper: [UInt16] = [
        0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
        0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E,
        0x0178,
    ]
}
