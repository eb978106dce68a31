import CLinux

/// TXT records by the C library's resolver.
enum TextRecords {
    /// The name servers gave no answer; it may come later.
    struct Failed: Error {}

    /// Where to ask instead of the system's name servers.
    struct Server: Sendable {
        /// The IPv4 address.
        var address: UInt32
        /// The port.
        var port: UInt16
    }

    /// The most that an answer may have.
    private static let limit = 1 << 14

    /// The texts of a name's TXT records, the strings of each joined; none if there are none.
    static func lookUp(_ name: String, at server: Server? = nil) throws(Failed) -> [String] {
        var answer = [UInt8](repeating: 0, count: limit)
        var problem: Int32 = 0
        let length = unsafe wardpost_query_text(
            name,
            server?.address ?? 0,
            server?.port ?? 0,
            &answer,
            Int32(answer.count),
            &problem
        )
        guard length >= 0 else {
            guard problem == HOST_NOT_FOUND || problem == NO_DATA else { throw Failed() }
            return []
        }
        guard let texts = texts(in: answer.prefix(Int(length))) else { throw Failed() }
        return texts
    }

    /// The texts of the TXT records in a DNS message (RFC 1035 section 4); `nil` if it is none.
    static func texts(in message: ArraySlice<UInt8>) -> [String]? {
        var reader = Reader(rest: message)
        guard reader.skip(4), let questions = reader.number(), let answers = reader.number(), reader.skip(4) else {
            return nil
        }
        for _ in 0..<questions {
            guard reader.skipName(), reader.skip(4) else { return nil }
        }
        var texts: [String] = []
        for _ in 0..<answers {
            guard reader.skipName(), let type = reader.number(), reader.skip(6), let length = reader.number(),
                let data = reader.take(length)
            else { return nil }
            guard type == 16 else { continue }
            var strings = Reader(rest: data)
            var text: [UInt8] = []
            while let count = strings.byte() {
                guard let string = strings.take(Int(count)) else { return nil }
                text += string
            }
            texts.append(String(decoding: text, as: UTF8.self))
        }
        return texts
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        mutating func skip(_ count: Int) -> Bool { take(count) != nil }

        mutating func byte() -> UInt8? { take(1)?.first }

        mutating func number() -> Int? {
            guard let bytes = take(2) else { return nil }
            return bytes.reduce(0) { $0 << 8 | Int($1) }
        }

        /// Labels up to an empty one or a pointer to others.
        mutating func skipName() -> Bool {
            while let length = byte() {
                if length == 0 { return true }
                if length & 0xC0 == 0xC0 { return skip(1) }
                guard length < 64, skip(Int(length)) else { return false }
            }
            return false
        }
    }
}
