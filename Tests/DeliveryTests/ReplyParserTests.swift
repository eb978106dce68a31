import NIOCore
import Testing

@testable import Delivery

@Suite("Replies are cut strictly")
struct ReplyParserTests {
    private func parse(_ pieces: [[UInt8]], limits: Limits = Limits()) throws(ReplyError) -> [Reply] {
        var parser = ReplyParser(limits: limits)
        var buffer = ByteBuffer()
        var replies: [Reply] = []
        for piece in pieces {
            buffer.writeBytes(piece)
            while let reply = try parser.next(from: &buffer) { replies.append(reply) }
        }
        return replies
    }

    private static let conversation = Array(
        "220 relay\r\n250-relay\r\n250-SIZE 1000\r\n250 PIPELINING\r\n250\r\n354 \r\n250 2.0.0 queued\r\n".utf8
    )

    @Test("A conversation gives the same replies wherever it is split", arguments: conversation.indices)
    func splits(at index: Int) throws {
        let whole = try parse([Self.conversation])
        #expect(whole.map(\.code) == [220, 250, 250, 354, 250])
        #expect(whole[1].text == Array("relay\nSIZE 1000\nPIPELINING".utf8))
        #expect(try parse([Array(Self.conversation[..<index]), Array(Self.conversation[index...])]) == whole)
    }

    @Test("A conversation may come one byte at a time")
    func dripped() throws {
        #expect(try parse(Self.conversation.map { [$0] }) == parse([Self.conversation]))
    }

    @Test("The fourth byte is a space, a hyphen or the line's end", arguments: UInt8.min...UInt8.max)
    func separator(_ byte: UInt8) {
        let replies = Result { () throws(ReplyError) in try parse([Array("250".utf8) + [byte] + Array("x\r\n".utf8)]) }
        switch byte {
        case UInt8(ascii: " "): #expect(replies == .success([Reply(code: 250, text: [0x78])]))
        case UInt8(ascii: "-"): #expect(replies == .success([]))
        case 0x0A: #expect(replies == .failure(.lineEnd))
        default: #expect(replies == .failure(.malformed), "byte \(byte)")
        }
    }

    @Test("A code is three digits from 200 to 599", arguments: UInt8.min...UInt8.max)
    func digits(_ byte: UInt8) {
        for place in 0..<3 where byte != 0x0A {
            var line = Array("250 x\r\n".utf8)
            line[place] = byte
            let isDigit = (place == 0 ? 0x32...0x35 : 0x30...0x39).contains(byte)
            let replies = Result { () throws(ReplyError) in try parse([line]).count }
            #expect(replies == (isDigit ? .success(1) : .failure(.malformed)), "byte \(byte) at \(place)")
        }
    }

    @Test("Text may be any byte but CR and LF", arguments: UInt8.min...UInt8.max)
    func text(_ byte: UInt8) {
        let replies = Result { () throws(ReplyError) in
            try parse([Array("250 a".utf8) + [byte] + Array("b\r\n".utf8)])
        }
        if byte == 0x0A || byte == 0x0D {
            #expect(replies == .failure(.lineEnd))
        } else {
            #expect(replies == .success([Reply(code: 250, text: [0x61, byte, 0x62])]))
        }
    }

    @Test(
        "What is no reply is refused",
        arguments: [
            ("", ReplyError.malformed), ("25", .malformed), ("2500 ok", .malformed), ("250ok", .malformed),
            (" 250 ok", .malformed), ("999 ok", .malformed), ("150 ok", .malformed), ("abc", .malformed),
            ("250 a\rb", .lineEnd), ("250-a\r\n550 b", .mixedCodes), ("250-a\r\nb", .malformed),
        ]
    )
    func refused(_ line: String, _ error: ReplyError) {
        #expect(throws: error) { try parse([Array((line + "\r\n").utf8)]) }
    }

    @Test("An endless line is given up at its limit")
    func endlessLine() {
        let limits = Limits()
        #expect(throws: ReplyError.lineTooLong) {
            try parse([Array("250 ".utf8) + [UInt8](repeating: 0x61, count: limits.replyLine)])
        }
        #expect(throws: ReplyError.lineTooLong) {
            try parse([Array("250 ".utf8) + [UInt8](repeating: 0x61, count: limits.replyLine) + [13, 10]])
        }
        let longest = Array("250 ".utf8) + [UInt8](repeating: 0x61, count: limits.replyLine - 6) + [13, 10]
        #expect(throws: Never.self) { try parse([longest]) }
    }

    @Test("An endless reply is given up at its limit")
    func endlessReply() {
        let line = Array("250-".utf8) + [UInt8](repeating: 0x61, count: 1000) + [13, 10]
        #expect(throws: ReplyError.replyTooLong) { try parse([[UInt8]](repeating: line, count: 100)) }
        #expect(throws: ReplyError.replyTooLong) {
            try parse([[UInt8]](repeating: Array("250-\r\n".utf8), count: 20_000))
        }
    }
}
