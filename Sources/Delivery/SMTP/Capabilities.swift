/// What a server offers in its answer to EHLO.
///
/// Made anew inside TLS; nothing from the clear phase is carried over.
struct Capabilities: Hashable, Sendable {
    /// STARTTLS: RFC 3207.
    var startTLS = false
    /// PIPELINING: RFC 2920.
    var pipelining = false
    /// CHUNKING: RFC 3030.
    var chunking = false
    /// 8BITMIME: RFC 6152.
    var eightBitMIME = false
    /// SMTPUTF8: RFC 6531.
    var smtpUTF8 = false
    /// DSN: RFC 3461.
    var dsn = false
    /// REQUIRETLS: RFC 8689.
    var requireTLS = false
    /// SIZE: RFC 1870.
    ///
    /// The limit in octets; 0 where the server names none; `nil` where SIZE is not offered.
    var size: Int?
    /// LIMITS with MAILMAX: RFC 9422.
    ///
    /// How many MAIL commands a connection may carry; `nil` where the server names no number.
    var mailMaximum: Int?
    /// AUTH: RFC 4954.
    ///
    /// The mechanisms' names in the server's order, at most ``mostMechanisms``, those that we do not have included.
    var mechanisms: [String] = []

    /// How many mechanisms are looked at.
    static let mostMechanisms = 32

    /// Nothing.
    init() {}

    /// Reads the answer to EHLO; its first line is the server's name and says nothing.
    ///
    /// Keywords that are not known mean nothing to us, and so does a known one's parameter that is not what its
    /// standard says.
    init(_ reply: Reply) {
        for line in reply.lines.dropFirst() {
            let words = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self).uppercased() }
            guard let keyword = words.first else { continue }
            switch keyword {
            case "STARTTLS": startTLS = true
            case "PIPELINING": pipelining = true
            case "CHUNKING": chunking = true
            case "8BITMIME": eightBitMIME = true
            case "SMTPUTF8": smtpUTF8 = true
            case "DSN": dsn = true
            case "REQUIRETLS": requireTLS = true
            case "SIZE": size = Self.size(words)
            case "LIMITS": mailMaximum = Self.mailMaximum(words.dropFirst()) ?? mailMaximum
            case "AUTH":
                for name in words.dropFirst() where Self.isMechanism(name) && !mechanisms.contains(name) {
                    if mechanisms.count < Self.mostMechanisms { mechanisms.append(name) }
                }
            default: break
            }
        }
    }

    /// A name as RFC 4422 section 3.1 has it.
    private static func isMechanism(_ name: String) -> Bool {
        name.utf8.count <= 20
            && name.utf8.allSatisfy { byte in
                (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x5F
            }
    }

    /// A limit that is not a number, or more than anyone means, is no limit.
    private static func size(_ words: [String]) -> Int {
        words.count > 1 ? Int(words[1]).map { max(0, $0) } ?? 0 : 0
    }

    /// RCPTMAX and RCPTDOMAINMAX do not bound us, who name one recipient a message; unknown limits are for others.
    private static func mailMaximum(_ limits: ArraySlice<String>) -> Int? {
        let prefix = "MAILMAX="
        return limits.compactMap { limit in
            limit.hasPrefix(prefix) ? Int(limit.dropFirst(prefix.count)) : nil
        }.filter { $0 > 0 }.min()
    }
}
