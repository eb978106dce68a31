import Core
import Testing

@Suite struct AddressTests {
    private func parse(_ text: String) throws(Address.Refused) -> Address {
        try Address(parsing: text) { $0 == "münchen.example" ? "xn--mnchen-3ya.example" : nil }
    }

    @Test(arguments: [
        ("ann@example.com", "ann", "example.com"),
        ("Ann.B+tag@Example.COM", "Ann.B+tag", "example.com"),
        ("o'hara!#$%&*-/=?^_`{|}~@a-b.example", "o'hara!#$%&*-/=?^_`{|}~", "a-b.example"),
        (#""a b@c"@example.com"#, #""a b@c""#, "example.com"),
        ("müller@münchen.example", "müller", "xn--mnchen-3ya.example"),
        ("x@1and1.example", "x", "1and1.example"),
    ])
    func addressIsReadAsWritten(text: String, local: String, domain: String) throws {
        let address = try parse(text)
        #expect(address.localPart == local)
        #expect(address.domain == domain)
    }

    @Test(arguments: [
        ("", Address.Refused.empty),
        ("ann", .noAt),
        ("ann@b.example, bob@c.example", .notAlone),
        ("Ann <ann@b.example>", .notAlone),
        ("ann@b.example;bob@c.example", .notAlone),
        ("a@b@c.example", .notAlone),
        (" ann@b.example", .space),
        ("ann@b.example ", .space),
        ("a nn@b.example", .space),
        ("ann\u{0}@b.example", .space),
        ("ann\r\nRCPT TO:<x@y.example>@b.example", .space),
        ("ann\u{85}@b.example", .space),
        ("ann\u{2028}@b.example", .space),
        ("ann\u{200}@b..example", .domainSyntax),
        ("@b.example", .localLength),
        (String(repeating: "a", count: 65) + "@b.example", .localLength),
        (".ann@b.example", .localSyntax),
        ("ann.@b.example", .localSyntax),
        ("a..n@b.example", .localSyntax),
        ("a(comment)@b.example", .localSyntax),
        (#""ann@b.example"#, .localSyntax),
        ("ann@", .domainLength),
        ("ann@" + String(repeating: "a", count: 64) + ".example", .domainLength),
        ("ann@localhost", .domainSyntax),
        ("ann@-b.example", .domainSyntax),
        ("ann@b-.example", .domainSyntax),
        ("ann@b_c.example", .domainSyntax),
        ("ann@.b.example", .domainSyntax),
        ("ann@b.example.", .domainSyntax),
        ("ann@127.0.0.1", .domainSyntax),
        ("ann@[127.0.0.1]", .literal),
        ("ann@ünknown.example", .idna),
    ])
    func whatIsNoAddressIsRefusedByRule(text: String, rule: Address.Refused) {
        #expect(throws: rule) { try parse(text) }
    }

    @Test func quickLookFindsWhatTheFullLookFindsOrNothing() throws {
        var random = SystemRandomNumberGenerator()
        func text(_ letters: [Character], _ lengths: ClosedRange<Int>) -> String {
            let length = Int.random(in: lengths, using: &random)
            return String((0..<length).compactMap { _ in letters.randomElement(using: &random) })
        }
        let letters = Array("ab.-@09A_ü\"xn+ ")
        let usual = Array("abxn.-09A")
        var found = 0
        let written = [
            "ann@example.com", "a.b+c@x-y.example", "a@b", "a@b.1", "a@b-.example", "a@xn--b.example", "a..b@c.example",
        ]
        let long = [String(repeating: "a", count: 64), String(repeating: "a", count: 65)]
            .flatMap { ["\($0)@example.com", "a@\($0).example"] }
        for number in 0..<20_000 {
            let text =
                if number < written.count + long.count {
                    (written + long)[number]
                } else if number.isMultiple(of: 2) {
                    text(letters, 1...12)
                } else {
                    "\(text(usual, 1...5))@\(text(usual, 1...5))"
                }
            guard let quick = Address(plain: Array(text.utf8)[...]) else { continue }
            found += 1
            #expect(try quick == Address(parsing: text) { _ in nil })
        }
        // Thousands, as a rule.
        #expect(found >= 100)
    }

    @Test func onlyANonASCIILocalPartNeedsSMTPUTF8() throws {
        #expect(try parse("müller@example.com").needsSMTPUTF8)
        #expect(try !parse("ann@münchen.example").needsSMTPUTF8)
    }

    @Test func addressIsNeverPrinted() throws {
        let address = try parse("ann@example.com")
        var dumped = ""
        dump(address, to: &dumped)
        #expect(!"\(address) \(String(reflecting: address)) \(dumped)".contains("ann"))
    }
}
