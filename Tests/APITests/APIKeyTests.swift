import Core
import OpenSSL
import Testing

@testable import API

/// Who may ask, as the file says.
@Suite struct APIKeyTests {
    private static func said(_ text: String) -> String {
        do throws(Diagnostics) {
            return "\(try APIKeys.parse(bytes: Array(text.utf8), file: "k.yaml").all.count) keys"
        } catch {
            return error.description
        }
    }

    private static let digest = String(repeating: "0a", count: 32)

    @Test("A key's text is known by its digest, and by no other text")
    func known() throws {
        let (text, digest) = APIKey.make()
        #expect(text.hasPrefix("wpk_") && text.utf8.count == 47)
        #expect(APIKey.digest(of: text) == digest)
        #expect(digest == SHA256.hash(try #require(Base64.decodeURLSafe(text.dropFirst(4).utf8))))
        let keys = APIKeys([APIKey(name: "a", digest: digest, scopes: [])])
        #expect(keys.key(of: text, at: .now)?.name == "a")
        #expect(APIKey.make().text != text)
        for other in [
            String(text.dropLast()), text + "A", String(text.dropFirst(4)), "", "wpk_", APIKey.make().text,
            text.uppercased(),
        ] {
            #expect(keys.key(of: other, at: .now) == nil, "\(other.utf8.count)")
        }
    }

    @Test("A key is good until its day begins")
    func expiry() {
        let day = Timestamp(year: 2027, month: 1, day: 15)
        let (text, digest) = APIKey.make()
        let keys = APIKeys([APIKey(name: "a", digest: digest, scopes: [], expires: day)])
        #expect(keys.key(of: text, at: day + -1) != nil)
        #expect(keys.key(of: text, at: day) == nil)
    }

    @Test(
        "What is wrong with the file is told with its place",
        arguments: [
            ("", "0 keys"), ("# nothing yet\n", "0 keys"), ("a: {sha256: \(digest), scopes: []}", "1 keys"),
            ("- a", "k.yaml:1:1: the file must be a mapping of names; `wardpost keys api add NAME` writes it"),
            (
                "a b: {}",
                "k.yaml:1:1: \"a b\" is no name of a key; write letters, digits, hyphens, dots and underscores, at most 64"
            ),
            ("a: {scopes: []}", "k.yaml:1:1: \"a.sha256\" is missing; add `sha256: …`"),
            ("a: {sha256: ab, scopes: []}", "k.yaml:1:13: \"a.sha256\" must be 64 hexadecimal digits, not \"ab\""),
            ("a: {sha256: \(digest)}", "k.yaml:1:1: \"a.scopes\" is missing; add `scopes: …`"),
            (
                "a: {sha256: \(digest), scopes: [report]}",
                "k.yaml:1:88: each of \"a.scopes\" must be reports, jobs, rows, events or row-keys, not \"report\"; did you mean "
                    + "\"reports\"?"
            ),
            (
                "a: {sha256: \(digest), scope: [reports]}",
                "k.yaml:1:1: \"a.scopes\" is missing; add `scopes: …`\nk.yaml:1:79: unknown key \"scope\" in \"a\"; did you mean "
                    + "\"scopes\"?"
            ),
            (
                "a: {sha256: \(digest), scopes: [], jobs: [x]}",
                "k.yaml:1:98: each of \"a.jobs\" must be a job's number, not \"x\""
            ),
            (
                "a: {sha256: \(digest), scopes: []}\nb: {sha256: \(digest), scopes: []}",
                "k.yaml:2:1: the key of \"b\" is another one's, too"
            ),
        ]
    )
    func file(text: String, said: String) {
        #expect(Self.said(text) == said)
    }

    @Test("Keys are added behind what stands there and removed with what belongs to them; the rest stays to the byte")
    func changes() throws {
        let job = try #require(JobID("00112233445566778899-2"))
        let made = Timestamp(year: 2026, month: 11, day: 22)
        let first = APIKey(name: "first", digest: APIKey.make().digest, scopes: [.reports, .rowKeys])
        let second = APIKey(
            name: "second",
            digest: APIKey.make().digest,
            scopes: [],
            domains: ["b.example", "a.example"],
            jobs: [job],
            expires: Timestamp(year: 2027, month: 1, day: 15)
        )
        let third = APIKey(name: "third", digest: APIKey.make().digest, scopes: [.events])
        var file = APIKeys.adding(first, made: made, to: [])
        file = APIKeys.adding(second, made: made, to: file + Array("# of the hospital\n".utf8))
        file = APIKeys.adding(third, made: made, to: file + Array("\n# for the dashboard".utf8))
        #expect(try APIKeys.parse(bytes: file, file: "k").all == [first, second, third])
        let without = try #require(try APIKeys.removing("second", from: file, file: "k"))
        #expect(try APIKeys.parse(bytes: without, file: "k").all == [first, third])
        let text = String(decoding: without, as: UTF8.self)
        #expect(text.contains("# of the hospital\n\n# for the dashboard\nthird:"))
        #expect(try APIKeys.removing("fourth", from: file, file: "k") == nil)
        let last = try #require(try APIKeys.removing("third", from: without, file: "k"))
        #expect(try APIKeys.parse(bytes: last, file: "k").all == [first])
    }

    private static let digests = ["a", "b"].map { String(repeating: $0, count: 64) }

    /// An entry of three lines with an editor's line ends.
    private static func entry(_ name: String, _ end: String) -> String {
        let digest = digests[name == "first" ? 0 : 1]
        return "\(name):\(end)  sha256: \(digest)\(end)  scopes: [jobs]\(end)"
    }

    @Test(
        "A key is taken out of a file that any editor wrote, and its lines alone",
        arguments: [
            (entry("first", "\r\n") + entry("second", "\r\n"), entry("second", "\r\n")),
            (entry("first", "\r") + "# two\r" + entry("second", "\r"), "# two\r" + entry("second", "\r")),
            (entry("second", "\n") + entry("first", "\r\n"), entry("second", "\n")),
            // A blank line within the entry does not end it.
            (entry("second", "\n") + entry("first", "\n") + "\n\n  domains: [a.example]\n", entry("second", "\n")),
        ]
    )
    func editors(text: String, expected: String) throws {
        let rest = try #require(try APIKeys.removing("first", from: Array(text.utf8), file: "k"))
        #expect(String(decoding: rest, as: UTF8.self) == expected)
        #expect(try APIKeys.parse(bytes: rest, file: "k").all.map(\.name) == ["second"])
    }

    @Test(
        "A key that shares its lines with another is left to a person",
        arguments: [
            "{first: {sha256: \(digests[0]), scopes: []}, second: {sha256: \(digests[1]), scopes: []}}",
            "{first: {sha256: \(digests[0]), scopes: []},\n second: {sha256: \(digests[1]), scopes: []}}",
        ]
    )
    func shared(text: String) {
        #expect(throws: Diagnostics.self) { try APIKeys.removing("first", from: Array(text.utf8), file: "k") }
    }
}
