/// Hexadecimal text of bytes, lower case.
public enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Two digits a byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.underestimatedCount)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Two digits a byte, without a generic sequence in between.
    public static func encode(_ bytes: [UInt8]) -> String {
        unsafe String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
            var index = 0
            for byte in bytes {
                unsafe text[index] = digits[Int(byte >> 4)]
                unsafe text[index + 1] = digits[Int(byte & 15)]
                index += 2
            }
            return index
        }
    }

    /// The bytes again; `nil` for an odd count or anything but digits and a–f in either case.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let utf8 = Array(text.utf8)
        guard utf8.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count / 2)
        for index in stride(from: 0, to: utf8.count, by: 2) {
            guard let high = value(utf8[index]), let low = value(utf8[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// Base64 text of bytes: the standard alphabet with padding, or RFC 4648 section 5's for URLs without.
public enum Base64 {
    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let url = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The standard alphabet with `=` padding, on one line.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        append(bytes[...], to: &text, alphabet: standard, padded: true)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the standard alphabet's text with padding, on one line, without an intermediate string.
    public static func append(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
        append(bytes, to: &text, alphabet: standard, padded: true)
    }

    /// Appends the URL-safe text without padding.
    public static func appendURLSafe(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
        append(bytes, to: &text, alphabet: url, padded: false)
    }

    /// Reads the standard alphabet with its padding; `nil` for any other byte, missing padding, or a tail whose unused bits
    /// are not zero.
    public static func decode(_ text: some BidirectionalCollection<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        let padding = text.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        return decode(text.dropLast(padding), values: standardValues)
    }

    /// Reads the URL-safe text; `nil` for any other byte, padding, or a tail whose unused bits are not zero, so that
    /// every byte string has exactly one text.
    public static func decodeURLSafe(_ text: some Sequence<UInt8>) -> [UInt8]? {
        decode(text, values: urlValues)
    }

    /// The same for text in an array, which the tracking server reads with each request.
    public static func decodeURLSafe(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let rest = text.count % 4
        guard rest != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 2)
        let values = urlWords
        var index = text.startIndex
        let end = text.endIndex - rest
        while index < end {
            let word =
                values[Int(text[index])] << 18 | values[Int(text[index + 1])] << 12
                | values[Int(text[index + 2])] << 6 | values[Int(text[index + 3])]
            // A byte of another alphabet has a value beyond 24 bits, wherever it stands.
            guard word < 1 << 24 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: word >> 16))
            bytes.append(UInt8(truncatingIfNeeded: word >> 8))
            bytes.append(UInt8(truncatingIfNeeded: word))
            index += 4
        }
        guard rest > 0 else { return bytes }
        guard let tail = decode(text[end...], values: urlValues) else { return nil }
        return bytes + tail
    }

    private static let urlWords = urlValues.map { $0.map { UInt64($0) } ?? 1 << 40 }

    private static func decode(_ text: some Sequence<UInt8>, values: [UInt8?]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text {
            guard let value = values[Int(byte)] else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= (1 << UInt32(count)) - 1
            }
        }
        return count < 6 && bits == 0 ? bytes : nil
    }

    private static let standardValues = values(of: standard)
    private static let urlValues = values(of: url)

    private static func values(of alphabet: [UInt8]) -> [UInt8?] {
        var values = [UInt8?](repeating: nil, count: 256)
        for (value, byte) in alphabet.enumerated() {
            values[Int(byte)] = UInt8(value)
        }
        return values
    }

    private static func append(
        _ bytes: ArraySlice<UInt8>,
        to text: inout [UInt8],
        alphabet: [UInt8],
        padded: Bool
    ) {
        var index = bytes.startIndex
        while index + 3 <= bytes.endIndex {
            let word = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            text.append(alphabet[Int(word >> 18)])
            text.append(alphabet[Int(word >> 12 & 63)])
            text.append(alphabet[Int(word >> 6 & 63)])
            text.append(alphabet[Int(word & 63)])
            index += 3
        }
        let rest = bytes.endIndex - index
        guard rest > 0 else { return }
        let word = UInt32(bytes[index]) << 16 | (rest == 2 ? UInt32(bytes[index + 1]) << 8 : 0)
        text.append(alphabet[Int(word >> 18)])
        text.append(alphabet[Int(word >> 12 & 63)])
        if rest == 2 {
            text.append(alphabet[Int(word >> 6 & 63)])
        }
        if padded {
            text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - rest))
        }
    }
}

/// Base32 text of bytes (RFC 4648 section 6), lower case and without padding: safe in a Message-ID, a boundary or a
/// mailbox's name, whatever case it comes back in.
public enum Base32 {
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    /// Appends the text of bytes.
    public static func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        let alphabet = alphabet
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 5 {
                count -= 5
                output.append(alphabet[Int(bits >> count & 31)])
            }
            bits &= (1 << count) - 1
        }
        if count > 0 {
            output.append(alphabet[Int(bits << (5 - count) & 31)])
        }
    }

    /// Reads the text back, in either case; `nil` for any other byte, a length that no bytes have, or a tail whose unused
    /// bits are not zero.
    public static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in text {
            let value: UInt8
            switch byte {
            case 0x61...0x7A: value = byte - 0x61
            case 0x41...0x5A: value = byte - 0x41
            case 0x32...0x37: value = byte - 0x32 + 26
            default: return nil
            }
            bits = bits << 5 | UInt32(value)
            count += 5
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
                bits &= (1 << count) - 1
            }
        }
        return count < 5 && bits == 0 ? bytes : nil
    }
}
