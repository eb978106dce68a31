import Core
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Compose

/// RFC 6376 section 3.4 read word by word, one rule after the other.
enum SlowRelaxed {
    static func body(_ body: [UInt8]) -> [UInt8] {
        var lines: [[UInt8]] = [[]]
        var index = 0
        while index < body.count {
            if body[index] == 0x0D, index + 1 < body.count, body[index + 1] == 0x0A {
                lines.append([])
                index += 2
            } else {
                lines[lines.count - 1].append(body[index])
                index += 1
            }
        }
        lines = lines.map { line in
            var short: [UInt8] = []
            for byte in line {
                if byte == 0x20 || byte == 0x09 {
                    if short.last != 0x20 { short.append(0x20) }
                } else {
                    short.append(byte)
                }
            }
            if short.last == 0x20 { short.removeLast() }
            return short
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.flatMap { $0 + [0x0D, 0x0A] }
    }

    static func field(_ field: [UInt8]) -> [UInt8] {
        let text = String(decoding: field, as: UTF8.self).replacing("\r\n", with: "")
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let blanks = CharacterSet(charactersIn: " \t")
        let name = parts[0].trimmingCharacters(in: blanks).lowercased()
        let words = parts[1].components(separatedBy: blanks).filter { !$0.isEmpty }
        return Array("\(name):\(words.joined(separator: " "))\r\n".utf8)
    }
}

@Suite("Relaxed canonicalisation")
struct DKIMCanonicalTests {
    private static func hash(_ body: [UInt8], after header: String = "") -> [UInt8] {
        var hasher = SHA256()
        RelaxedBody.hash(Array(header.utf8) + body, from: header.utf8.count, into: &hasher)
        return hasher.finalize()
    }

    private static func header(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var (start, output) = (0, [UInt8]())
        for field in HeaderField.all(in: bytes, bodyStart: &start) {
            RelaxedHeader.append(field, of: bytes, to: &output)
        }
        return String(decoding: output, as: UTF8.self)
    }

    @Test("the example of RFC 6376 section 3.4.5")
    func example() {
        let message = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n"
        #expect(Self.header(message) == "a:X\r\nb:Y Z\r\n")
        #expect(Self.hash(Array(" C \r\nD \t E\r\n\r\n\r\n".utf8)) == SHA256.hash(Array(" C\r\nD E\r\n".utf8)))
        let bytes = Array(message.utf8)
        var start = 0
        _ = HeaderField.all(in: bytes, bodyStart: &start)
        #expect(String(decoding: bytes[start...], as: UTF8.self) == " C \r\nD \t E\r\n\r\n\r\n")
    }

    @Test("the digest of an empty body that RFC 6376 section 3.4.4 gives", arguments: ["", "\r\n", " \r\n\t\r\n", " "])
    func empty(body: String) {
        #expect(Base64.encode(Self.hash(Array(body.utf8))) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    }

    @Test("bodies by chance: the same digest as by the rules one after the other", arguments: 0..<20)
    func bodies(batch: Int) {
        var random = SplitMix(seed: UInt64(batch) + 7_000)
        for round in 0..<500 {
            // Few kinds of bytes, so that every neighbourhood is met; any byte in some.
            let kinds: [UInt8] = round % 4 == 0 ? Array(0...255) : Array("ab \t\r\n!\u{1F}".utf8) + [0x20, 0x20, 0xA0]
            var body: [UInt8] = []
            for _ in 0..<Int.random(in: 0...70, using: &random) {
                if Int.random(in: 0..<6, using: &random) == 0 { body += [0x0D, 0x0A] }
                body.append(kinds.randomElement(using: &random) ?? 0x20)
            }
            #expect(
                Self.hash(body, after: round % 2 == 0 ? "" : "A: x\r\n\r\n") == SHA256.hash(SlowRelaxed.body(body)),
                "\(body)"
            )
        }
    }

    @Test("header fields by chance: the same text as by the rules one after the other")
    func fields() {
        var random = SplitMix(seed: 42)
        for _ in 0..<2_000 {
            var value = ""
            for _ in 0..<Int.random(in: 0...30, using: &random) {
                value +=
                    ["a", "B", ":", " ", "\t", "  ", "\r\n ", "\r\n\t", "ü", "=?utf-8?Q?x?="].randomElement(
                        using: &random
                    ) ?? ""
            }
            // A line of nothing but white space may not be in a field.
            let lines = value.components(separatedBy: "\r\n")
            guard lines.dropFirst().allSatisfy({ $0.contains { $0 != " " && $0 != "\t" } }) else { continue }
            let name = ["From", "SUBJECT", "x-Y", "List-ID "].randomElement(using: &random) ?? ""
            let field = "\(name):\(value)"
            #expect(
                Self.header(field + "\r\n\r\nbody")
                    == String(decoding: SlowRelaxed.field(Array(field.utf8)), as: UTF8.self)
            )
        }
    }

    @Test("the search for loose spaces stops where a look at each byte stops")
    func search() {
        var random = SplitMix(seed: 9)
        for _ in 0..<5_000 {
            let bytes = (0..<40).map { _ in Array(" \t\r\nab!\u{21}\u{A0}".utf8).randomElement(using: &random) ?? 0 }
            let start = Int.random(in: 0...40, using: &random)
            let range = start..<Int.random(in: start...40, using: &random)
            let expected = range.first { index in
                let next = index + 1 < range.upperBound ? bytes[index + 1] : 0
                return bytes[index] == 0x09 || bytes[index] == 0x20 && (next == 0x20 || next == 0x09 || next == 0x0D)
            }
            #expect(ByteScan.firstLooseSpace(in: bytes, range) == expected ?? range.upperBound)
        }
    }
}
