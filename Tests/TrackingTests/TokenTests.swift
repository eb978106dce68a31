import Core
import OpenSSL
import Testing

@testable import Tracking

@Suite("Tokens")
struct TokenTests {
    let seal = TokenSeal(Fixture.keys)

    @Test("an open's token says job and row")
    func open() {
        let content = seal.open(.open, Fixture.openToken(7))
        #expect(content == TokenContent(job: Fixture.job, row: RowNumber(7), action: .open))
    }

    @Test("a click's token says link and target")
    func click() {
        let content = seal.open(.click, Fixture.clickToken(4_000_000_000, link: 3))
        let action = TokenContent.Action.click(link: 3, target: Array(Fixture.target.utf8))
        #expect(content == TokenContent(job: Fixture.job, row: RowNumber(4_000_000_000), action: action))
    }

    @Test("an unsubscribe token says list and mailbox", arguments: ["", "newsletter", "Diabetes-Gruppe ä"])
    func unsubscribe(list: String) {
        let content = seal.open(.unsubscribe, Fixture.unsubscribeToken(list: list))
        let tag = Fixture.tagger.tag(of: Fixture.address("ada@x.example"))
        #expect(content?.action == .unsubscribe(list: list, tag: tag))
    }

    @Test("an opt-out from a list with an endless name is one from all mail")
    func endlessList() {
        let longest = String(repeating: "\u{1}", count: 1_000)
        for (list, read) in [(longest, longest), (longest + "x", "")] {
            guard case .unsubscribe(read, _)? = seal.open(.unsubscribe, Fixture.unsubscribeToken(list: list))?.action
            else {
                Issue.record("the list is another")
                continue
            }
        }
    }

    @Test("a job's later run is another token")
    func run() {
        var first: [UInt8] = []
        var second: [UInt8] = []
        Fixture.tokens.appendOpenURL(job: Fixture.job, row: RowNumber(1), to: &first)
        Fixture.tokens.appendOpenURL(job: Fixture.job.next!, row: RowNumber(1), to: &second)
        #expect(first != second)
        #expect(seal.open(.open, Fixture.token(second))?.job.run == 2)
    }

    @Test("URLs stand under the base URL, in characters that need no escaping")
    func urls() {
        var text: [UInt8] = []
        Fixture.tokens.appendOpenURL(job: Fixture.job, row: RowNumber(1), to: &text)
        let url = String(decoding: text, as: UTF8.self)
        #expect(url.hasPrefix("https://t.clinic.example/o/"))
        #expect(url.hasSuffix(".gif"))
        #expect(
            url.dropFirst(27).dropLast(4).utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
        )
    }

    @Test("the same arguments give the same token")
    func deterministic() {
        let again = TrackingTokens(baseURL: Fixture.baseURL, keys: Fixture.keys, tagger: Fixture.tagger)
        var url: [UInt8] = []
        again.appendClickURL(
            job: Fixture.job,
            row: RowNumber(7),
            link: 2,
            target: Array(Fixture.target.utf8)[...],
            to: &url
        )
        #expect(Fixture.token(url) == Fixture.clickToken(7, link: 2))
    }

    @Test("a token with one bit changed is none", arguments: TokenKind.allCases)
    func flippedBits(kind: TokenKind) throws {
        let token = Self.token(kind)
        let sealed = try #require(Base64.decodeURLSafe(token))
        for bit in 0..<(sealed.count * 8) {
            var changed = sealed
            changed[bit / 8] ^= 1 << (bit % 8)
            var text: [UInt8] = []
            Base64.appendURLSafe(changed[...], to: &text)
            #expect(seal.open(kind, text) == nil, "bit \(bit)")
        }
    }

    @Test("a token with one character changed is none", arguments: TokenKind.allCases)
    func changedCharacters(kind: TokenKind) {
        let token = Self.token(kind)
        for index in token.indices {
            for other in [UInt8(ascii: "A"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "%")] {
                guard token[index] != other else { continue }
                var changed = token
                changed[index] = other
                #expect(seal.open(kind, changed) == nil, "character \(index)")
            }
        }
    }

    @Test("a token cut short or made longer is none", arguments: TokenKind.allCases)
    func truncated(kind: TokenKind) {
        let token = Self.token(kind)
        for count in 0..<token.count {
            #expect(seal.open(kind, token.prefix(count)) == nil)
        }
        #expect(seal.open(kind, token + [UInt8(ascii: "A")]) == nil)
        #expect(seal.open(kind, token + [UInt8(ascii: "=")]) == nil)
    }

    @Test("a token of one kind opens as no other", arguments: TokenKind.allCases, TokenKind.allCases)
    func kinds(minted: TokenKind, asked: TokenKind) {
        #expect((seal.open(asked, Self.token(minted)) != nil) == (minted == asked))
    }

    @Test("another site's key opens nothing", arguments: TokenKind.allCases)
    func otherKey(kind: TokenKind) {
        let other = TokenSeal(TokenKeys(TokenKey(id: 1, secret: SecretBytes(random: 32))))
        #expect(other.open(kind, Self.token(kind)) == nil)
    }

    @Test("an older key still opens its tokens, and a key unknown does not")
    func rotation() {
        let newer = TokenKey(id: 2, secret: SecretBytes(random: 32))
        let both = TokenKeys(newer, older: [Fixture.keys.minting])
        #expect(TokenSeal(both).open(.open, Fixture.openToken()) != nil)
        #expect(TokenSeal(TokenKeys(newer)).open(.open, Fixture.openToken()) == nil)
        var url: [UInt8] = []
        TrackingTokens(baseURL: Fixture.baseURL, keys: both, tagger: Fixture.tagger)
            .appendOpenURL(job: Fixture.job, row: RowNumber(1), to: &url)
        #expect(TokenSeal(TokenKeys(newer)).open(.open, Fixture.token(url)) != nil)
        #expect(seal.open(.open, Fixture.token(url)) == nil)
    }

    @Test("opens and clicks under a replaced key end after the days stated; opt-outs do not end")
    func validity() throws {
        let replaced = Timestamp(seconds: Fixture.noon / 1_000)
        let newer = TokenKey(id: 2, secret: SecretBytes(random: 32), since: replaced)
        let clock = ManualClock()
        let keys = TokenKeys([newer, Fixture.keys.minting], now: replaced, validDays: 10)
        let seal = TokenSeal(keys, clock: { clock.now })
        #expect(keys.minting.id == 2)
        let old = [(TokenKind.open, Fixture.openToken()), (.click, Fixture.clickToken())]
        let optOut = Fixture.unsubscribeToken()
        clock.advance(10 * 86_400_000 - 1_000)
        for (kind, token) in old { #expect(seal.open(kind, token) != nil) }
        clock.advance(1_000)
        for (kind, token) in old { #expect(seal.open(kind, token) == nil) }
        clock.advance(20 * 365 * 86_400_000)
        #expect(seal.open(.unsubscribe, optOut) != nil)
        var url: [UInt8] = []
        TrackingTokens(baseURL: Fixture.baseURL, keys: keys, tagger: Fixture.tagger)
            .appendOpenURL(job: Fixture.job, row: RowNumber(1), to: &url)
        #expect(seal.open(.open, Fixture.token(url)) != nil, "the newest key's tokens go on working")
    }

    @Test("a key that begins later opens what it sealed elsewhere, and seals nothing before its time")
    func laterKey() throws {
        let now = Timestamp(seconds: Fixture.noon / 1_000)
        let later = TokenKey(id: 9, secret: SecretBytes(random: 32), since: now + 60)
        let keys = TokenKeys([Fixture.keys.minting, later], now: now)
        #expect(keys.minting.id == 1)
        #expect(TokenKeys([Fixture.keys.minting, later], now: now + 60).minting.id == 9)
        var url: [UInt8] = []
        TrackingTokens(baseURL: Fixture.baseURL, keys: TokenKeys(later), tagger: Fixture.tagger)
            .appendOpenURL(job: Fixture.job, row: RowNumber(1), to: &url)
        #expect(TokenSeal(keys, clock: { Fixture.noon }).open(.open, Fixture.token(url)) != nil)
    }

    @Test("nothing of what a token says can be read off it")
    func opaque() throws {
        let list = "cardiology-patients"
        for token in [Fixture.clickToken(), Fixture.unsubscribeToken(list: list), Fixture.openToken()] {
            let sealed = try #require(Base64.decodeURLSafe(token))
            for secret in [
                Array(Fixture.target.utf8.dropFirst(8).prefix(12)), Array(list.utf8.prefix(8)),
                Fixture.job.digest, Fixture.tagger.tag(of: Fixture.address("ada@x.example")).bytes, Array("ada".utf8),
            ] {
                #expect(!sealed.contains(secret))
                #expect(!token.contains(secret))
            }
        }
    }

    @Test(
        "only absolute web addresses are link targets",
        arguments: [
            ("https://a.example/", true), ("HTTP://a.example", true), ("https://a.example/?q=1#x", true),
            ("javascript:alert(1)", false), ("//evil.example/", false), ("/local", false), ("https://", false),
            ("https:///path", false), ("https://?x", false), ("https://@host/", false), ("https://:80/", false),
            ("ftp://a.example/", false), ("https://a.example/\r\nSet-Cookie: x", false),
            ("https://a.example/ b", false),
            ("https://ä.example/", false), ("https://a.example\\@evil.example/", false), ("", false),
        ]
    )
    func targets(target: String, isTaken: Bool) {
        #expect((seal.open(.click, Fixture.clickToken(target: target)) != nil) == isTaken)
    }

    @Test(
        "a base URL is https with a host and nothing behind the path",
        arguments: [
            ("https://t.example", ""), ("https://t.example/", ""), ("https://t.example:8443/mail/", "/mail"),
            ("http://t.example", nil), ("https://", nil), ("https:///o", nil), ("https://t.example?x", nil),
            ("https://u@t.example", nil), ("https://t.example/#", nil), ("t.example", nil), ("https://t .example", nil),
        ]
    )
    func baseURLs(text: String, path: String?) {
        #expect(BaseURL(text)?.path == path)
    }

    private static func token(_ kind: TokenKind) -> [UInt8] {
        switch kind {
        case .open: Fixture.openToken()
        case .click: Fixture.clickToken()
        case .unsubscribe: Fixture.unsubscribeToken()
        }
    }
}

@Suite("Address tags")
struct AddressTagTests {
    @Test("a tag is the first half of HMAC-SHA256 over the canonical address")
    func value() {
        let full = HMACSHA256(key: Fixture.suppressionKey).tag(of: Array("ada@x.example".utf8))
        #expect(Fixture.tagger.tag(of: Fixture.address("Ada@X.example")).bytes == Array(full[..<16]))
    }

    @Test("a tag reads back from its hexadecimal text")
    func hex() {
        let tag = Fixture.tagger.tag(of: Fixture.address("ada@x.example"))
        #expect(AddressTag(hex: tag.description) == tag)
        #expect(AddressTag(hex: tag.description.dropLast()) == nil)
        #expect(AddressTag(hex: tag.description + "00") == nil)
    }
}
