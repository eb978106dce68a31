import Core
import Testing
import YAML

@Suite struct YAMLReaderTests {
    static func said(_ yaml: [UInt8]) -> String {
        do throws(Diagnostics) {
            _ = try YAMLReader.read(yaml, file: "m.yaml")
            return "accepted"
        } catch {
            return error.description
        }
    }

    /// What YAML can do and a configuration needs not.
    static let features: [(yaml: String, said: String)] = [
        ("a: &x 1\n", "m.yaml:1:4: an anchor (`&`); remove it, or put the value in quotes"),
        ("a: *x\n", "m.yaml:1:4: an alias (`*`); write the value itself, or put it in quotes if it is text"),
        ("a: !include other.yaml\n", "m.yaml:1:4: a tag (`!`); remove it, or put the value in quotes"),
        ("a: !env HOME\n", "m.yaml:1:4: a tag (`!`); remove it, or put the value in quotes"),
        ("a: !!python/object/apply:os.system [ls]\n", "m.yaml:1:4: a tag (`!`); remove it, or put the value in quotes"),
        ("a: !!binary |\n  Zm9v\n", "m.yaml:1:4: a tag (`!`); remove it, or put the value in quotes"),
        ("a: !foo!bar x\n", "m.yaml:1:4: a tag (`!`); remove it, or put the value in quotes"),
        ("a: !<x\n", "m.yaml:1:7: a tag (`!`); remove it, or put the value in quotes"),
        ("%YAML 1.1\n---\na: 1\n", "m.yaml:1:1: a % directive; remove it; the file is read as YAML 1.2"),
        ("%TAG ! x\n---\na: 1\n", "m.yaml:1:1: a % directive; remove it; the file is read as YAML 1.2"),
        ("a: 1\n---\nb: 2\n", "m.yaml:2:1: a second document begins here; remove the `---` and what follows it"),
        ("x:\n  <<: {a: 1}\n", "m.yaml:2:3: a merge key (`<<`); write the keys themselves"),
        ("? [a, b]\n: 1\n", "m.yaml:1:3: a key that is not a text; write `key: value`, or use quotes"),
        ("{a: 1}: 2\n", "m.yaml:1:1: a key that is not a text; write `key: value`, or use quotes"),
        ("~: 1\n", "m.yaml:1:1: a value without a key; write `key: value`"),
        ("a: 1\nb: 2\na: 3\n", "m.yaml:3:1: the key \"a\" stands here twice; the first is on line 1; keep one"),
        ("a: 1\n'a': 3\n", "m.yaml:2:2: the key \"a\" stands here twice; the first is on line 1; keep one"),
    ]

    @Test(arguments: features)
    func `a feature that no configuration needs is refused`(yaml: String, said: String) {
        #expect(Self.said(Array(yaml.utf8)) == said)
    }

    /// What people do wrong, and what they are told.
    static let slips: [(yaml: String, said: String)] = [
        ("subject: {{first_name}}\n", "1:10: YAML takes {{ at a value's start for a mapping; put the value in quotes"),
        ("s: {{first_name}}, hi\n", "1:4: YAML takes {{ at a value's start for a mapping; put the value in quotes"),
        ("- a\n- {{b}} c\n", "2:3: YAML takes {{ at a value's start for a mapping; put the value in quotes"),
        (
            "a: [{file: l/{{letter}}, name: a.pdf}]\n",
            "1:5: a bracket that is opened here and not closed where it should be; "
                + "close it, and put every part with {{ }} in quotes"
        ),
        (
            "a: [b, c\nd: 1\n",
            "1:4: a bracket that is opened here and not closed where it should be; close it, put commas between its "
                + "parts, and put parts with special characters in quotes"
        ),
        ("a: ]\n", "1:4: a value is missing, or starts with a bracket too many; write one"),
        ("a:\n\tb: 1\n", "2:1: a tab where YAML needs spaces; indent with spaces"),
        ("a: >\n\t x\n", "2:1: a tab where YAML needs spaces; indent with spaces"),
        (
            "subject: Re: your visit\n",
            "1:12: a colon and a space inside a value, or a line that is indented wrongly; put the value in quotes, or "
                + "align the key with its neighbours"
        ),
        ("subject: \"Your visit\nname: x\n", "1:10: a quote that is opened here and never closed; close it"),
        (
            "subject: 'it's'\n",
            "1:14: text behind a closing quote; double a single quote inside single quotes, or put the whole value in "
                + "double quotes"
        ),
        (
            "from: \"Clinic, A\" <a@b.example>\n",
            "1:19: text behind a closing quote; put the whole value in single quotes"
        ),
        (
            "name: x\nsubject\nfrom: y\n",
            "2:1: a line that is no `key: value`; put a colon and a space behind the key, or indent a text that goes on"
        ),
        ("a: @home\n", "1:4: a value cannot start with this character; put the value in quotes"),
        ("a: |x\n  b\n", "1:5: a value cannot start with | or >; put the value in quotes"),
        ("a: [x:[y]]\n", "1:6: a colon inside brackets; put the part in quotes"),
        ("a: ? b\n", "1:4: a value cannot start with ? and a space; put the value in quotes"),
        ("%\n", "1:2: a % directive; remove it; the file is read as YAML 1.2"),
        ("a: *\n", "1:5: a value cannot start with & or *; put the value in quotes"),
        (
            "a: \"\\q\"\n",
            "1:5: a backslash that starts no known escape; write \\\\ for a backslash, or use single quotes"
        ),
        (
            "a:\n  b: 1\n c: 2\n",
            "3:2: this line does not fit the ones above it; align it with its neighbours, and look for a quote or a "
                + "bracket too many"
        ),
        ("", "1:1: the file is empty"),
        ("# only a comment\n", "1:1: the file is empty"),
    ]

    @Test(arguments: slips)
    func `a slip is explained where it is`(yaml: String, said: String) {
        #expect(Self.said(Array(yaml.utf8)) == "m.yaml:" + said)
    }

    /// Bytes that are not the text they should be.
    static let bytes: [(bytes: [UInt8], said: String)] = [
        ([0xFF, 0xFE, 0x61, 0, 0x3A, 0], ":1:1: the file is UTF-16; save it as UTF-8"),
        ([0xFE, 0xFF, 0, 0x61, 0, 0x3A], ":1:1: the file is UTF-16; save it as UTF-8"),
        ([0x61, 0, 0x3A, 0, 0x20, 0], ":1:1: the file is UTF-16; save it as UTF-8"),
        (
            Array("a: 1\nb: M".utf8) + [0xFC] + Array("ller\n".utf8),
            ":2:5: a byte that is not UTF-8; save the file as UTF-8"
        ),
        (Array("a: ".utf8) + [0xC0, 0xAF], ":1:4: a byte that is not UTF-8; save the file as UTF-8"),
        (Array("a: ".utf8) + [0xED, 0xA0, 0x80], ":1:4: a byte that is not UTF-8; save the file as UTF-8"),
        (Array("a: x\u{0}y".utf8), ":1:5: a NUL character; remove it"),
        (Array("a: \u{FC}\u{7}y".utf8), ":1:5: a control character (U+0007); remove it"),
        (Array("a: \u{85}y".utf8), ":1:4: a control character (U+0085); remove it"),
        (
            Array("a: 1\u{2028}b: 2".utf8),
            ":1:5: a line separator (U+2028), which YAML and editors read differently; remove it"
        ),
        (Array("a: 1\r\n\u{FEFF}b: 2".utf8), ":2:1: a byte-order mark inside the file; remove it"),
        (Array("a: \u{FFFE}".utf8), ":1:4: a code point that is no character (U+FFFE); remove it"),
        (
            [UInt8](repeating: 0x61, count: 262_145),
            ": the file has 262145 bytes; at most 262144 are read; "
                + "put texts into templates and recipients into the recipient file"
        ),
    ]

    @Test(arguments: bytes)
    func `bytes that are no text are refused with their place`(bytes: [UInt8], said: String) {
        #expect(Self.said(bytes) == "m.yaml" + said)
    }

    @Test func `all problems are told at once`() {
        let yaml = "a: &x 1\nb: !t 2\na: 3\n"
        let said = Self.said(Array(yaml.utf8)).split(separator: "\n").map { $0.prefix { $0 != ";" } }
        #expect(
            said == [
                "m.yaml:1:4: an anchor (`&`)", "m.yaml:2:4: a tag (`!`)", "m.yaml:3:1: the key \"a\" stands here twice",
            ]
        )
    }

    static let scalars = [
        "no", "012", "1e3", "yes", "on", "0x10", "1_000", "2026-01-15", "08:00", ".inf", "null x", "y",
    ]

    @Test(arguments: scalars)
    func `a scalar stays the text that was written`(text: String) throws {
        let node = try YAMLReader.read(Array("a: \(text)\n".utf8), file: "m.yaml")
        #expect(node.content == .mapping([pair("a", 1, 1, .scalar(text, .plain), 1, 4)]))
    }

    @Test(arguments: ["~", "null", "Null", "NULL", ""])
    func `nothing is null`(text: String) throws {
        let node = try YAMLReader.read(Array("a: \(text)\n".utf8), file: "m.yaml")
        guard case .mapping(let pairs) = node.content else { return #expect(Bool(false)) }
        #expect(pairs[0].value.isNull)
    }

    @Test(arguments: ["'~'", "\"null\"", "''"])
    func `a quoted text is never null`(text: String) throws {
        let node = try YAMLReader.read(Array("a: \(text)\n".utf8), file: "m.yaml")
        guard case .mapping(let pairs) = node.content else { return #expect(Bool(false)) }
        #expect(!pairs[0].value.isNull)
    }

    static let sameText: [(yaml: String, shift: Int)] = [
        ("\u{FEFF}a: x\nb: [\u{FC}, z]\n", 0),
        ("a: x\r\nb: [\u{FC}, z]\r\n", 0),
        ("a: x\rb: [\u{FC}, z]\r", 0),
        ("---  \r\na: x\r\nb: [\u{FC}, z]\r\n...\r\n", 1),
    ]

    @Test(arguments: sameText)
    func `a mark, CRLF, CR and document marks change no place`(yaml: String, shift: Int) throws {
        let node = try YAMLReader.read(Array(yaml.utf8), file: "m.yaml")
        let list = [
            YAMLNode(.scalar("\u{FC}", .plain), at: Place(file: "m.yaml", line: 2 + shift, column: 5)),
            YAMLNode(.scalar("z", .plain), at: Place(file: "m.yaml", line: 2 + shift, column: 8)),
        ]
        #expect(
            node.content
                == .mapping([
                    pair("a", 1 + shift, 1, .scalar("x", .plain), 1 + shift, 4),
                    pair("b", 2 + shift, 1, .sequence(list), 2 + shift, 4),
                ])
        )
    }

    @Test func `a text's place is its first character's`() throws {
        let yaml = "a: 'x'\nb: |\n   y\nc: \"z\"\n"
        let node = try YAMLReader.read(Array(yaml.utf8), file: "m.yaml")
        #expect(
            node.content
                == .mapping([
                    pair("a", 1, 1, .scalar("x", .quoted), 1, 5),
                    pair("b", 2, 1, .scalar("y\n", .block), 3, 4),
                    pair("c", 4, 1, .scalar("z", .quoted), 4, 5),
                ])
        )
    }

    @Test func `32 levels are read and 33 refused`() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(Self.said(nested(32)) == "accepted")
        #expect(Self.said(nested(33)) == "m.yaml:1:33: nested deeper than 32; write it flatter")
    }

    @Test func `10,000 values are read and one more refused`() {
        func list(_ count: Int) -> [UInt8] {
            Array(("[" + String(repeating: "1,", count: count) + "]").utf8)
        }
        #expect(Self.said(list(9_999)) == "accepted")
        #expect(Self.said(list(10_000)) == "m.yaml:1:20000: more than 10000 values; make the file smaller")
    }

    private func pair(
        _ key: String,
        _ line: Int,
        _ column: Int,
        _ content: YAMLNode.Content,
        _ valueLine: Int,
        _ valueColumn: Int
    ) -> YAMLNode.Pair {
        YAMLNode.Pair(
            key: Placed(key, at: Place(file: "m.yaml", line: line, column: column)),
            value: YAMLNode(content, at: Place(file: "m.yaml", line: valueLine, column: valueColumn))
        )
    }
}
