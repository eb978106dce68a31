import NIOCore
import Testing

@testable import Web

/// What a parser makes of some bytes, for comparison.
private enum Outcome: Hashable {
    case incomplete
    case refused(Int)
    case request(String, body: String, closes: Bool)
}

private func outcomes(_ text: String, limits: WebLimits = WebLimits(), pieces: Int = .max) -> [Outcome] {
    var parser = RequestParser(limits)
    var outcomes: [Outcome] = []
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let piece = rest.prefix(pieces)
        rest = rest.dropFirst(piece.count)
        parser.feed(ByteBuffer(bytes: piece).readableBytesView)
        while true {
            switch parser.next(from: .loopback) {
            case .incomplete: break
            case .refused(let status): return outcomes + [.refused(status)]
            case .request(let request, let closes):
                let path = String(decoding: request.path, as: UTF8.self)
                outcomes.append(
                    .request(
                        "\(request.methodName) \(path)",
                        body: String(decoding: request.body, as: UTF8.self),
                        closes: closes
                    )
                )
                continue
            }
            break
        }
    }
    return parser.isEmpty ? outcomes : outcomes + [.incomplete]
}

private let host = "Host: t.clinic.example\r\n"

@Suite("Requests of HTTP/1.1")
struct ParserTests {
    @Test(
        "what is a request is read, whole or byte by byte",
        arguments: [
            ("GET /o/x.gif HTTP/1.1\r\n\(host)\r\n", [.request("GET /o/x.gif", body: "", closes: false)]),
            ("GET / HTTP/1.0\r\n\r\n", [.request("GET /", body: "", closes: true)]),
            ("HEAD /a?b#c HTTP/1.1\r\n\(host)\r\n", [.request("HEAD /a", body: "", closes: false)]),
            ("BREW /a HTTP/1.1\r\n\(host)\r\n", [.request("BREW /a", body: "", closes: false)]),
            ("GET /a HTTP/1.1\r\n\(host)Connection: x, Close\r\n\r\n", [.request("GET /a", body: "", closes: true)]),
            (
                "POST /u HTTP/1.1\r\n\(host)Content-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\(host)\r\n",
                [.request("POST /u", body: "abc", closes: false), .request("GET /b", body: "", closes: false)]
            ),
            (
                "POST /u HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
                [.request("POST /u", body: "abc0123456789", closes: false)]
            ),
            ("GET HTTPS://x.example:8443/a HTTP/1.1\r\n\(host)\r\n", [.request("GET /a", body: "", closes: false)]),
            ("GET http://x.example HTTP/1.1\r\n\(host)\r\n", [.request("GET /", body: "", closes: false)]),
            // RFC 9112 section 2.2: an empty line before a request is passed over.
            ("\r\nGET /a HTTP/1.1\r\n\(host)\r\n", [.request("GET /a", body: "", closes: false)]),
            ("OPTIONS * HTTP/1.1\r\n\(host)\r\n", [.request("OPTIONS *", body: "", closes: false)]),
            ("GET /a HTTP/1.1\r\n\(host)X:\r\nY: \t z \t\r\n\r\n", [.request("GET /a", body: "", closes: false)]),
        ] as [(String, [Outcome])]
    )
    private func requests(text: String, expected: [Outcome]) {
        #expect(outcomes(text) == expected)
        #expect(outcomes(text, pieces: 1) == expected)
        for count in 1..<text.utf8.count {
            let part = String(decoding: Array(text.utf8)[..<count], as: UTF8.self)
            #expect(outcomes(part).allSatisfy { if case .refused = $0 { false } else { true } }, "cut at \(count)")
        }
    }

    @Test(
        "what two parties could read in two ways is refused",
        arguments: [
            // Two lengths, a length beside an encoding, lengths that are none.
            ("Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
            ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("Content-Length: +3\r\n\r\nabc", 400), ("Content-Length: 3, 3\r\n\r\nabc", 400),
            ("Content-Length: 0x3\r\n\r\nabc", 400), ("Content-Length:\r\n\r\n", 400),
            ("Content-Length: 99999999999999999999\r\n\r\n", 400),
            // Encodings other than one chunked, however they are dressed up.
            ("Transfer-Encoding: gzip, chunked\r\n\r\n", 501), ("Transfer-Encoding: xchunked\r\n\r\n", 501),
            ("Transfer-Encoding: identity\r\n\r\n", 501), ("Transfer-Encoding:\u{b}chunked\r\n\r\n", 400),
            // Chunks with extensions, trailers, wrong ends, absurd sizes.
            ("Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n", 400),
            ("Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", 400),
            ("Transfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n", 400),
            ("Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n", 400),
            ("Transfer-Encoding: chunked\r\n\r\n123456789\r\n", 400),
            ("Transfer-Encoding: chunked\r\n\r\n0000000000000000000000", 400),
            // Lines: a lone feed, a lone return, a folded one, a space before the colon, none at all.
            ("X: y\n\r\n", 400), ("X: y\rZ: 1\r\n\r\n", 400), ("X: y\r\n folded\r\n\r\n", 400),
            ("X : y\r\n\r\n", 400), ("\tX: y\r\n\r\n", 400), (": y\r\n\r\n", 400), ("nothing\r\n\r\n", 400),
            ("X: a\u{0}b\r\n\r\n", 400), ("X: a\u{1}b\r\n\r\n", 400), ("X(: y\r\n\r\n", 400),
            ("Host: evil.example\r\n\r\n", 400), ("Expect: 200-maybe\r\n\r\n", 417),
        ]
    )
    func ambiguous(fields: String, status: Int) {
        #expect(outcomes("POST /u HTTP/1.1\r\n\(host)\(fields)").first == .refused(status))
        #expect(outcomes("POST /u HTTP/1.1\r\n\(host)\(fields)", pieces: 1).first == .refused(status))
    }

    @Test(
        "a request line that is none is refused",
        arguments: [
            ("GET /a HTTP/1.1\n\(host)\r\n", 400), ("GET  /a HTTP/1.1\r\n\(host)\r\n", 400),
            ("GET /a b HTTP/1.1\r\n\(host)\r\n", 400), ("GET /a\r\n\(host)\r\n", 400),
            ("GET /a HTTP/2.0\r\n\(host)\r\n", 505), ("GET /a HTTP/1.1 \r\n\(host)\r\n", 400),
            ("GET /ä HTTP/1.1\r\n\(host)\r\n", 400), ("G(T /a HTTP/1.1\r\n\(host)\r\n", 400),
            ("GET a HTTP/1.1\r\n\(host)\r\n", 400), ("GET ftp://x/ HTTP/1.1\r\n\(host)\r\n", 400),
            ("GET https:///a HTTP/1.1\r\n\(host)\r\n", 400), ("GET /a HTTP/1.1\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", 400), ("GET /a http/1.1\r\n\(host)\r\n", 400),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), (" GET /a HTTP/1.1\r\n\(host)\r\n", 400),
            ("\r\n\r\nGET /a HTTP/1.1\r\n\(host)\r\n", 400), ("\u{16}\u{3}\u{1}\u{0}\u{0}\r\n\r\n", 400),
        ]
    )
    func lines(text: String, status: Int) {
        #expect(outcomes(text).first == .refused(status))
    }

    @Test("lines, heads, fields and bodies beyond the limits are refused, however slowly they come")
    func limits() {
        let long = String(repeating: "x", count: 11_000)
        #expect(outcomes("GET /\(long) HTTP/1.1\r\n\(host)\r\n") == [.refused(414)])
        #expect(
            outcomes("GET / HTTP/1.1\r\n\(host)X: \(String(repeating: "x", count: 40_000))", pieces: 1_000).last
                == .refused(431)
        )
        let many = (0..<101).map { "X\($0): y\r\n" }.joined()
        #expect(outcomes("GET / HTTP/1.1\r\n\(host)\(many)\r\n") == [.refused(431)])
        #expect(outcomes("POST / HTTP/1.1\r\n\(host)Content-Length: 16385\r\n\r\n") == [.refused(413)])
        let chunks = String(repeating: "1000\r\n\(String(repeating: "x", count: 4_096))\r\n", count: 5)
        #expect(outcomes("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n\(chunks)") == [.refused(413)])
    }

    @Test("fields that are sent again are the same object, and others are not")
    func sameFields() {
        var parser = RequestParser(WebLimits())
        let read = { (parser: inout RequestParser, fields: String) -> WebHeaders? in
            parser.feed(ByteBuffer(string: "GET /a HTTP/1.1\r\n\(host)\(fields)\r\n").readableBytesView)
            guard case .request(let request, _) = parser.next(from: .loopback) else { return nil }
            return request.headers
        }
        let first = read(&parser, "User-Agent: A/1\r\n")
        #expect(first?.agent == "A/1")
        #expect(read(&parser, "User-Agent: A/1\r\n") === first)
        let other = read(&parser, "User-Agent: A/2\r\n")
        #expect(other !== first)
        #expect(other?.agent == "A/2")
        #expect(other?["USER-AGENT".lowercased()] == "A/2")
        #expect(other?.host == "t.clinic.example")
    }

    @Test("no bytes make the parser trap or hold more than its limits, whatever they are")
    func noise() {
        var generator = Noise(state: 20_261_122)
        let words = [
            "GET ", "POST ", "/", "HTTP/1.1", "\r\n", "\n", "\r", ":", " ", "Host: a\r\n", "Content-Length: ", "3",
            "\r\n\r\n",
            "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "\u{0}", "é", "x", "5\r\n", "Expect: 100-continue\r\n",
        ]
        for _ in 0..<20_000 {
            var parser = RequestParser(WebLimits())
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                let word = words.randomElement(using: &generator) ?? ""
                parser.feed(ByteBuffer(string: word).readableBytesView)
                if case .refused = parser.next(from: .loopback) { break }
                #expect(parser.count <= WebLimits().head + WebLimits().body)
            }
        }
    }
}

/// Numbers that look random and are the same each time (SplitMix64).
struct Noise: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
