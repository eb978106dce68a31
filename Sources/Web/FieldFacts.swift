/// What a request's fields say of the request itself.
struct FieldFacts {
    enum Reading {
        case read(FieldFacts)
        /// The fields are not what they must be; the status says why.
        case refused(Int)
    }

    var headers: WebHeaders
    /// The body's length.
    var length = 0
    var isChunked = false
    /// Whether the connection ends with the answer.
    var closes = false
    var expectsContinue = false

    /// Reads the lines behind the request line, the empty one included.
    static func read(_ block: ArraySlice<UInt8>, version: Int, limit: Int) -> Reading {
        let bytes = Array(block)
        var fields: [(name: Range<Int>, value: Range<Int>)] = []
        fields.reserveCapacity(16)
        var at = 0
        while at < bytes.count, bytes[at] != 13 {
            guard let end = bytes[at...].firstIndex(of: 13),
                let colon = bytes[at..<end].firstIndex(of: UInt8(ascii: ":")), colon > at,
                // A space before the colon, or a folded line, begins with what is no token.
                bytes[at..<colon].allSatisfy(isToken)
            else { return .refused(400) }
            guard fields.count < limit else { return .refused(431) }
            var (start, stop) = (colon + 1, end)
            while start < stop, bytes[start] == 32 || bytes[start] == 9 { start += 1 }
            while stop > start, bytes[stop - 1] == 32 || bytes[stop - 1] == 9 { stop -= 1 }
            guard bytes[start..<stop].allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 9 }) else { return .refused(400) }
            fields.append((at..<colon, start..<stop))
            at = end + 2
        }
        var facts = FieldFacts(headers: WebHeaders(bytes, fields))
        if let status = facts.judge(version) { return .refused(status) }
        return .read(facts)
    }

    /// Reads what the fields say; the status if they cannot stand.
    private mutating func judge(_ version: Int) -> Int? {
        let hosts = headers.count(of: "host")
        guard hosts == 1 || hosts == 0 && version == 0 else { return 400 }
        if let host = headers.bytes(of: "host"), !host.isEmpty, !Self.isHost(host) { return 400 }
        let lengths = headers.count(of: "content-length")
        let encodings = headers.count(of: "transfer-encoding")
        if encodings > 0 {
            guard version == 1, encodings == 1, lengths == 0 else { return 400 }
            guard headers["transfer-encoding"]?.lowercased() == "chunked" else { return 501 }
            isChunked = true
        } else if lengths > 0 {
            guard lengths == 1, let digits = headers.bytes(of: "content-length"), (1...15).contains(digits.count),
                digits.allSatisfy({ (0x30...0x39).contains($0) })
            else { return 400 }
            length = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
        closes = version == 0 || headers["connection"].map(Self.saysClose) ?? false
        if let expect = headers["expect"] {
            guard expect.lowercased() == "100-continue" else { return 417 }
            expectsContinue = version == 1 && (isChunked || length > 0)
        }
        return nil
    }

    private static func saysClose(_ value: String) -> Bool {
        value.lowercased().split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }).contains("close")
    }

    /// Whether a byte may stand in a method or a field's name (RFC 9110 section 5.6.2).
    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }

    /// Whether bytes may be a host with a port.
    static func isHost(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.count <= 260
            && bytes.allSatisfy { byte in
                switch byte {
                case 0x30...0x3A, 0x41...0x5B, 0x5D, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
    }
}

/// A body in chunks (RFC 9112 section 7.1) without extensions and trailers.
enum ChunkedBody {
    case incomplete
    case refused(Int)
    /// The content, and where the next request begins.
    case whole([UInt8], next: Int)

    static func read(_ bytes: ArraySlice<UInt8>, limit: Int) -> ChunkedBody {
        var body: [UInt8] = []
        var at = bytes.startIndex
        while true {
            guard let end = bytes[at...].prefix(18).firstIndex(of: 13) else {
                return bytes.endIndex - at >= 18 ? .refused(400) : .incomplete
            }
            guard let size = size(bytes[at..<end]) else { return .refused(400) }
            guard body.count + size <= limit else { return .refused(413) }
            // The line's end, the content, and the line feed behind it.
            guard bytes.endIndex - end >= 2 + size + 2 else {
                return bytes.endIndex - end >= 2 && bytes[end + 1] != 10 ? .refused(400) : .incomplete
            }
            let next = end + 2 + size
            guard bytes[end + 1] == 10, bytes[next] == 13, bytes[next + 1] == 10 else { return .refused(400) }
            if size == 0 { return .whole(body, next: next + 2) }
            body.append(contentsOf: bytes[(end + 2)..<next])
            at = next + 2
        }
    }

    private static func size(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...8).contains(digits.count) else { return nil }
        var size = 0
        for digit in digits {
            switch digit {
            case 0x30...0x39: size = size << 4 | Int(digit - 0x30)
            case 0x41...0x46, 0x61...0x66: size = size << 4 | Int(lowercase(digit) - 0x57)
            default: return nil
            }
        }
        return size
    }
}
