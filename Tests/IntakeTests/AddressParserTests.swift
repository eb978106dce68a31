import Core
import Intake
import Testing

@Suite struct AddressParserTests {
    /// Each is refused by its rule; none becomes another mailbox.
    static let refused: [(text: String, rule: Address.Refused)] = [
        ("", .empty),
        (" ", .empty),
        ("\t \n", .empty),
        ("ann", .noAt),
        ("ann.example.org", .noAt),
        ("ann\u{FF20}example.org", .noAt),
        (" ann@example.org", .space),
        ("ann@example.org ", .space),
        ("ann @example.org", .space),
        ("ann@ example.org", .space),
        ("ann@exam ple.org", .space),
        ("ann\u{A0}b@example.org", .space),
        ("ann@example.org\n", .space),
        ("ann@example.org\r\nBcc: x@y.example", .space),
        ("ann\u{0}@example.org", .space),
        ("ann@ex\u{0}ample.org", .space),
        ("an\u{7F}n@example.org", .space),
        ("an\u{200B}n@example.org", .space),
        ("\u{FEFF}ann@example.org", .space),
        ("ann\u{202E}@example.org", .space),
        ("ann@exa\u{AD}mple.org", .space),
        ("ann@example.org,bob@example.org", .notAlone),
        ("ann@example.org;bob@example.org", .notAlone),
        ("Ann <ann@example.org>", .notAlone),
        ("<ann@example.org>", .notAlone),
        ("mailto:ann@example.org", .notAlone),
        ("ann@bob@example.org", .notAlone),
        ("@example.org", .localLength),
        (String(repeating: "a", count: 65) + "@example.org", .localLength),
        (".ann@example.org", .localSyntax),
        ("ann.@example.org", .localSyntax),
        ("an..n@example.org", .localSyntax),
        ("ann(x)@example.org", .localSyntax),
        ("ann\\@example.org", .localSyntax),
        ("\"ann@example.org", .localSyntax),
        ("\"a\"n\"@example.org", .localSyntax),
        ("ann@", .domainLength),
        ("ann@\(String(repeating: "a", count: 64)).example", .domainLength),
        ("ann@localhost", .domainSyntax),
        ("ann@example.org.", .domainSyntax),
        ("ann@.example.org", .domainSyntax),
        ("ann@example..org", .domainSyntax),
        ("ann@-example.org", .domainSyntax),
        ("ann@example-.org", .domainSyntax),
        ("ann@exam_ple.org", .domainSyntax),
        ("ann@example.org/x", .domainSyntax),
        ("ann@192.0.2.1", .domainSyntax),
        ("ann@[192.0.2.1]", .literal),
        ("ann@[IPv6:2001:db8::1]", .literal),
        ("ann@\u{FF45}\u{FF58}ample.org", .idna),
        ("ann@example\u{3002}org", .idna),
        ("ann@xn--a.example", .idna),
        ("ann@\u{2603}\u{FE0F}.example", .idna),
        ("ann@\u{301}a.example", .idna),
        ("ann@\u{212A}elvin.example", .idna),
        (String(repeating: "a", count: 64) + "@" + String(repeating: "abcdefg.", count: 24) + "org", .length),
    ]

    @Test(arguments: refused)
    func `what is no address is refused by its rule`(text: String, rule: Address.Refused) {
        #expect(throws: rule) { try AddressParser.parse(text) }
        #expect(throws: rule) { try AddressParser.parse(Array(text.utf8)[...]) }
    }

    static let accepted: [(text: String, local: String, domain: String)] = [
        ("ann@example.org", "ann", "example.org"),
        ("Ann.B+x@EXAMPLE.Org", "Ann.B+x", "example.org"),
        ("o'brien@example.org", "o'brien", "example.org"),
        ("a@b.co", "a", "b.co"),
        ("!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~", "example.org"),
        ("\"ann b\"@example.org", "\"ann b\"", "example.org"),
        ("\"ann@home\"@example.org", "\"ann@home\"", "example.org"),
        ("ann@m\u{FC}nchen.example", "ann", "xn--mnchen-3ya.example"),
        ("ann@M\u{DC}NCHEN.example", "ann", "xn--mnchen-3ya.example"),
        ("ann@mu\u{308}nchen.example", "ann", "xn--mnchen-3ya.example"),
        ("ann@stra\u{DF}e.example", "ann", "xn--strae-oqa.example"),
        ("ann@xn--mnchen-3ya.example", "ann", "xn--mnchen-3ya.example"),
        ("ann@XN--MNCHEN-3YA.example", "ann", "xn--mnchen-3ya.example"),
        ("ann@\u{4F8B}\u{3048}.\u{30C6}\u{30B9}\u{30C8}", "ann", "xn--r8jz45g.xn--zckzah"),
        ("j\u{FC}rgen@example.org", "j\u{FC}rgen", "example.org"),
        ("\u{7528}\u{6237}@m\u{FC}nchen.example", "\u{7528}\u{6237}", "xn--mnchen-3ya.example"),
        ("ann@r3---sn.example.org", "ann", "r3---sn.example.org"),
        ("ann@1.example.org", "ann", "1.example.org"),
    ]

    @Test(arguments: accepted)
    func `an address is read as it is written`(text: String, local: String, domain: String) throws {
        let address = try AddressParser.parse(Array(text.utf8)[...])
        #expect(Array(address.localPart.utf8) == Array(local.utf8))
        #expect(address.domain == domain)
        #expect(try AddressParser.parse(text) == address)
    }

    @Test func `a local part beyond ASCII needs SMTPUTF8, a domain does not`() throws {
        #expect(try AddressParser.parse("j\u{FC}rgen@example.org").needsSMTPUTF8)
        #expect(try !AddressParser.parse("ann@m\u{FC}nchen.example").needsSMTPUTF8)
    }

    @Test func `a slice from the middle of a row is read`() throws {
        let row = Array("Ann;ann@example.org;7".utf8)
        #expect(try AddressParser.parse(row[4..<19]).text == "ann@example.org")
    }

    @Test func `every ASCII character in the local part is judged alike on both ways`() {
        for byte in UInt8(0)..<128 {
            let bytes = [0x61, byte, 0x62] + Array("@example.org".utf8)
            let quick = Result { try AddressParser.parse(bytes[...]) }.mapError { $0 as? Address.Refused ?? .empty }
            let slow = Result { try AddressParser.parse(String(decoding: bytes, as: UTF8.self)) }
                .mapError { $0 as? Address.Refused ?? .empty }
            #expect(quick == slow, "byte \(byte)")
        }
    }

    @Test func `many threads read internationalised names at once`() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try (0..<500).allSatisfy { number in
                        let parsed = try AddressParser.parse("a\(number)@m\u{FC}nchen\(number).example")
                        return parsed.domain.hasPrefix("xn--mnchen\(number)-")
                    }
                }
            }
            for try await good in group {
                #expect(good)
            }
        }
    }
}
