/// Finds addresses in running text, as loosely as reports write them.
enum AddressText {
    /// The address that a text starts with, and what stands behind it; brackets, quotes and a source route before it are
    /// passed over.
    static func leading(_ text: ArraySlice<UInt8>) -> (address: String, rest: ArraySlice<UInt8>)? {
        var rest = text.drop(while: Lines.isSpace)
        if rest.starts(with: arrows) { rest = rest.dropFirst(arrows.count) }
        while let first = rest.first {
            if first == UInt8(ascii: "\""), let quoted = quoted(rest) { return quoted }
            guard openers.contains(first) else { break }
            rest = rest.dropFirst()
        }
        if rest.prefix(mailto.count).elementsEqual(mailto) { rest = rest.dropFirst(mailto.count) }
        // `@relay.example:user@example.org` (RFC 5321 appendix C).
        if rest.first == UInt8(ascii: "@"), let colon = rest.prefix(300).firstIndex(of: UInt8(ascii: ":")) {
            rest = rest[(colon + 1)...]
        }
        let local = rest.prefix { isLocal($0) }
        guard (1...128).contains(local.count), rest.dropFirst(local.count).first == UInt8(ascii: "@") else {
            return nil
        }
        return finish(local, rest.dropFirst(local.count + 1))
    }

    /// The addresses in a text, each once, in its order; at most so many.
    static func all(in text: some StringProtocol, atMost limit: Int = 100) -> [String] {
        let bytes = Array(text.utf8)
        var found: [String] = []
        var behind = bytes.startIndex
        for at in bytes.indices where bytes[at] == UInt8(ascii: "@") && at >= behind {
            var start = at
            while start > behind, at - start < 128, isLocal(bytes[start - 1]) { start -= 1 }
            if start == at, at > behind, bytes[at - 1] == UInt8(ascii: "\"") {
                start = bytes[behind..<(at - 1)].lastIndex(of: UInt8(ascii: "\"")) ?? at
            }
            guard start < at, let address = finish(bytes[start..<at], bytes[(at + 1)...]) else { continue }
            behind = address.rest.startIndex
            if !found.contains(address.address) { found.append(address.address) }
            if found.count == limit { break }
        }
        return found
    }

    private static let openers = Array("<\"'([`* ".utf8)
    private static let arrows = Array(">>> ".utf8)
    private static let closers = Array(">\"')]`".utf8)
    private static let mailto = Array("mailto:".utf8)
    private static let specials = Array("!#$%&'*+-/=?^_{|}~.".utf8)

    /// `"two words"@example.org`.
    private static func quoted(_ text: ArraySlice<UInt8>) -> (address: String, rest: ArraySlice<UInt8>)? {
        let inner = text.dropFirst().prefix(66)
        guard let close = inner.firstIndex(of: UInt8(ascii: "\"")), close > inner.startIndex,
            text[(close + 1)...].first == UInt8(ascii: "@")
        else { return nil }
        // Needless quotes are left out, as most others do.
        let local = text[(text.startIndex + 1)..<close]
        return finish(local.allSatisfy { isLocal($0) } ? local : text[...close], text[(close + 2)...])
    }

    private static func finish(
        _ local: ArraySlice<UInt8>,
        _ behind: ArraySlice<UInt8>
    ) -> (address: String, rest: ArraySlice<UInt8>)? {
        var domain = behind.prefix { isDomain($0) }
        var rest = behind.dropFirst(domain.count)
        while let last = domain.last, last == UInt8(ascii: ".") || last == UInt8(ascii: "-") {
            domain = domain.dropLast()
        }
        guard (1...255).contains(domain.count) else { return nil }
        while let first = rest.first, closers.contains(first) { rest = rest.dropFirst() }
        let text = Array(local) + [UInt8(ascii: "@")] + Array(domain)
        return (String(decoding: text, as: UTF8.self), rest)
    }

    private static func isLocal(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || byte >= 0x80 || specials.contains(byte)
    }

    private static func isDomain(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
    }
}
