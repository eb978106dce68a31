import Core
import TestSupport
import Testing
import YAML

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
}
