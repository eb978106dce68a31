import Core
import Intake
import TestSupport
import Testing

/// Files made to exhaust a reader: each is refused at once.
///
/// The bound on time is generous, so that a busy machine does
/// not fail it, and far below what the attack would cost.
@Suite struct YAMLAttackTests {
    struct Attack: CustomTestStringConvertible, Sendable {
        var name: String
        var said: String
        var yaml: @Sendable () -> String
        var testDescription: String { name }
    }

    static func times(_ count: Int, _ text: String) -> String { String(repeating: text, count: count) }

    static let attacks: [Attack] = [
        Attack(name: "alias bomb", said: "an anchor") {
            var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            for level in 1...9 {
                text += "a\(level): &a\(level) [" + times(9, "*a\(level - 1), ") + "*a\(level - 1)]\n"
            }
            return text
        },
        Attack(name: "cycle", said: "an anchor") { "a: &a [*a]\n" },
        Attack(name: "merge bomb", said: "a merge key") { times(9_000, "- <<: {a: 1}\n") },
        Attack(name: "open brackets", said: "nested deeper than 32") { times(100_000, "[") },
        Attack(name: "closed brackets", said: "nested deeper than 32") { times(100_000, "[") + times(100_000, "]") },
        Attack(name: "flow mappings", said: "nested deeper than 32") { times(50_000, "{a: ") },
        Attack(name: "block lists on one line", said: "nested deeper than 32") { times(100_000, "- ") + "x" },
        Attack(name: "block mappings", said: "nested deeper than 32") {
            (0..<600).map { times($0, " ") + "a:\n" }.joined()
        },
        Attack(name: "keys of keys", said: "a key that is not a text") { times(100_000, "? ") },
        Attack(name: "a million brackets", said: "at most 262144 are read") { times(1_000_000, "[") },
        Attack(name: "32 MiB scalar", said: "at most 262144 are read") { "a: " + times(32 << 20, "x") },
        Attack(name: "200,000 keys", said: "at most 262144 are read") {
            (0..<200_000).map { "k\($0): \($0)\n" }.joined()
        },
        Attack(name: "many values", said: "more than 10000 values") { "a: [" + times(100_000, "1,") + "]\n" },
        Attack(name: "many empty mappings", said: "more than 10000 values") { "a: [" + times(80_000, "{},") + "]\n" },
        Attack(name: "many keys", said: "more than 10000 values") { (0..<20_000).map { "k\($0): 1\n" }.joined() },
        Attack(name: "many times one key", said: "stands here twice") { times(50_000, "k: 1\n") },
        Attack(name: "many tag directives", said: "directive") {
            (0..<15_000).map { "%TAG !\($0)! x\n" }.joined() + "---\na: 1\n"
        },
        Attack(name: "many tag directives behind a document", said: "second document") {
            "a: 1\n...\n" + (0..<15_000).map { "%TAG !\($0)! x\n" }.joined() + "---\na: 1\n"
        },
        Attack(name: "a long tag", said: "a tag") { "a: !" + times(200_000, "x") + " y\n" },
        Attack(name: "a long anchor", said: "an anchor") { "a: &" + times(200_000, "x") + " y\n" },
        Attack(name: "an unclosed quote", said: "never closed") { "a: \"" + times(80_000, "x\n ") },
        Attack(name: "a text without a colon", said: "no `key: value`") { "a: 1\n" + times(80_000, "x\n") + "b: 2\n" },
        Attack(name: "literal blocks", said: "more than 10000 values") { times(40_000, "- |\n") },
        Attack(name: "NUL bytes", said: "a NUL character") { "a: 1\n" + times(200_000, "\0") },
    ]

    @Test(arguments: attacks)
    func `is refused at once`(attack: Attack) {
        let bytes = Array(attack.yaml().utf8)
        var error: Diagnostics?
        let time = processorTime {
            error = #expect(throws: Diagnostics.self) { try YAMLReader.read(bytes, file: "m.yaml") }
        }
        #expect(time < .seconds(5))
        #expect(error?.all.first?.problem.contains(attack.said) == true, "\(String(describing: error?.all.first))")
        #expect((error?.all.count ?? 0) <= 50)
    }

    /// A small generator with a seed, so that a failure comes again.
    struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    static let splinters = [
        "{{", "}}", "[", "]", "{", "}", ": ", "\n", "\t", "'", "\"", "|", "> ", "- ", "? ", "&a ", "*a", "!", "%", "#",
        "@",
        "\\", "\u{FEFF}", "\u{FC}", "\u{2028}", "\r", "---\n", "...\n", "<<: ", "~", "  ", "\\x", "0", "\0",
    ]

    @Test(arguments: 0..<4)
    func `a damaged file is read, or every problem in it has a place`(seed: UInt64) {
        var dice = Dice(state: seed)
        for round in 0..<100 {
            let isSite = round.isMultiple(of: 2)
            var bytes = Array((isSite ? SiteConfigurationTests.contract : ManifestTests.contract).utf8)
            for _ in 0..<Int.random(in: 1...5, using: &dice) {
                let at = Int.random(in: 0..<bytes.count, using: &dice)
                let end = min(bytes.count, at + Int.random(in: 0...20, using: &dice))
                bytes.replaceSubrange(at..<end, with: (Self.splinters.randomElement(using: &dice) ?? "").utf8)
            }
            do throws(Diagnostics) {
                if isSite {
                    _ = try SiteConfiguration.parse(bytes: bytes)
                } else {
                    _ = try Manifest.parse(bytes: bytes)
                }
            } catch {
                let lines = bytes.split(omittingEmptySubsequences: false) { $0 == 0x0A || $0 == 0x0D }.count
                #expect(!error.all.isEmpty)
                #expect(error.all.allSatisfy { (1...lines).contains($0.place?.line ?? 0) }, "\(error)")
            }
        }
    }
}
