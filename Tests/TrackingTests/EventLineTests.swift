import Core
import Foundation
import Testing

@testable import Tracking

@Suite("Event lines")
struct EventLineTests {
    static let hostile = [
        "", "plain", "quote \" backslash \\ slash /", "\u{0}\u{1}\u{1F}\u{7F}", "tab\tline\r\nend", "ä → 😀",
        "{\"n\":1}", "\u{2028}\u{202E}", "\\u0041", ",\"mac\":\"0000000000000000\"}",
    ]

    @Test("any text comes back as it went in", arguments: hostile)
    func texts(text: String) throws {
        var line = JSONLine()
        line.append("why", text)
        let object = try #require(JSONObject((line.bytes + [UInt8(ascii: "}")])[...]))
        #expect(object.text("why") == text)
        #expect(!line.bytes.contains { $0 < 0x20 })
    }

    @Test("another JSON reader sees the same", arguments: hostile)
    func otherReader(text: String) throws {
        var line = JSONLine()
        line.append("list", text)
        line.append("row", 7)
        let data = Data(line.bytes + [UInt8(ascii: "}")])
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(object["list"] as? String == text)
        #expect(object["row"] as? Int == 7)
    }

    @Test(
        "what we do not write is not read",
        arguments: [
            "", "{", "{}x", "[]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "{\"a\":01}", "{\"a\":1.5}",
            "{\"a\":true}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u00\"}", "{ \"a\":1}", "{\"a\":\"\n\"}", "{\"a\":\"",
            "{\"a\":99999999999999999999}", "{\"a\":-0}", "{\"a\":\"\\u12\"}",
        ]
    )
    func strict(text: String) {
        #expect(JSONObject(Array(text.utf8)[...]) == nil)
    }

    @Test("bytes that are no UTF-8 are not read")
    func notUTF8() {
        let bytes = Array("{\"a\":\"".utf8) + [0xC3, 0x28] + Array("\"}".utf8)
        #expect(JSONObject(bytes[...]) == nil)
    }

    @Test("every kind of event reads back", arguments: Event.Kind.allCases)
    func roundTrip(kind: Event.Kind) throws {
        let event = Event(
            kind,
            job: Fixture.otherJob,
            row: RowNumber(.max),
            milliseconds: Fixture.noon,
            link: 3,
            list: "news",
            tag: Fixture.tagger.tag(of: Fixture.address("ada@x.example")),
            audience: .automated,
            why: "head",
            method: "HEAD",
            agent: "Mozilla/5.0 (\"x\")"
        )
        var line = JSONLine()
        event.appendMembers(to: &line)
        let object = try #require(JSONObject((line.bytes + [UInt8(ascii: "}")])[...]))
        #expect(Event(object) == event)
    }

    @Test("a line has the documented members")
    func members() {
        var line = JSONLine()
        Fixture.open(12).appendMembers(to: &line)
        #expect(
            String(decoding: line.bytes, as: UTF8.self)
                == #"{"time":"2026-11-21 12:00:00","ms":250,"kind":"open","job":"0102030405060708090a","row":12,"#
                + #""class":"human","why":"request","method":"GET","agent":"""#
        )
    }

    @Test(
        "an agent keeps visible ASCII and at most 200 bytes",
        arguments: [
            ("Mozilla/5.0", "Mozilla/5.0"), ("a\r\nb", "a??b"), ("\u{1B}[31m", "?[31m"), ("ä", "?"),
            (String(repeating: "x", count: 5_000), String(repeating: "x", count: 200)),
        ]
    )
    func agents(sent: String, kept: String) {
        #expect(Event(.open, job: Fixture.job, row: RowNumber(1), agent: sent).agent == kept)
    }

    @Test("an opt-out without a mailbox is no event")
    func optOutWithoutTag() throws {
        var event = Fixture.unsubscribe("ada@x.example")
        event.tag = nil
        var line = JSONLine()
        event.appendMembers(to: &line)
        #expect(Event(try #require(JSONObject((line.bytes + [UInt8(ascii: "}")])[...]))) == nil)
    }
}
