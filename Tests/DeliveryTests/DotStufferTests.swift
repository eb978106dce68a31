import NIOCore
import Testing

@testable import Delivery

@Suite("Content on the wire")
struct DotStufferTests {
    private func stuffed(_ content: [UInt8], limit: Int = .max) -> [UInt8] {
        var stuffer = DotStuffer()
        var output = ByteBuffer()
        while !stuffer.write(content, limit: limit, into: &output) {}
        return Array(buffer: output)
    }

    /// The same by the book, one octet at a time.
    private func reference(_ content: [UInt8]) -> [UInt8] {
        var lines: [[UInt8]] = [[]]
        var index = 0
        while index < content.count {
            switch content[index] {
            case 13:
                lines.append([])
                if index + 1 < content.count, content[index + 1] == 10 { index += 1 }
            case 10: lines.append([])
            case let byte: lines[lines.count - 1].append(byte)
            }
            index += 1
        }
        if lines.last == [] { lines.removeLast() }
        return lines.flatMap { ($0.first == UInt8(ascii: ".") ? [UInt8(ascii: ".")] : []) + $0 + [13, 10] }
    }

    @Test(
        "Dots are doubled and line ends made CR LF",
        arguments: [
            ("", ""), ("a\r\n", "a\r\n"), ("a", "a\r\n"), (".", "..\r\n"), (".\r\n", "..\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n"),
            ("a\r.\rb\r", "a\r\n..\r\nb\r\n"), ("a\n.\r\nb", "a\r\n..\r\nb\r\n"), ("a\r\n.\nb", "a\r\n..\r\nb\r\n"),
            ("\r\r\n\n", "\r\n\r\n\r\n"), ("a.b\r\n..\r\n", "a.b\r\n...\r\n"),
        ]
    )
    func table(_ content: String, _ wire: String) {
        #expect(String(decoding: stuffed(Array(content.utf8)), as: UTF8.self) == wire)
    }

    @Test("Every text of six letters out of CR, LF, dot and x goes out as by the book, whole or in pieces")
    func exhaustive() {
        let letters: [UInt8] = [13, 10, 46, 120]
        for number in 0..<4096 {
            let content = (0..<6).map { letters[number >> (2 * $0) & 3] }
            let expected = reference(content)
            #expect(stuffed(content) == expected, "\(content)")
            #expect(stuffed(content, limit: 3) == expected, "\(content) in pieces")
        }
    }

    @Test("No content can end its message early")
    func noEnd() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let content = (0..<40).map { _ in [13, 10, 46, 97][Int(random.next() % 4)] as UInt8 }
            let wire = [13, 10] + stuffed(content)
            #expect(!wire.indices.contains { wire[$0...].starts(with: [13, 10, 46, 13, 10]) }, "\(content)")
            #expect(!wire.indices.contains { wire[$0] == 10 && wire[$0 - 1] != 13 })
            #expect(!wire.indices.contains { wire[$0] == 13 && wire[$0 + 1] != 10 })
        }
    }
}
