import Bounces
import Core
import Testing

@Suite struct BounceRulesTests {
    private static func problems(_ text: String) -> String {
        do {
            _ = try BounceRules(reading: Array(text.utf8), file: "rules.yaml")
            return ""
        } catch {
            return error.description
        }
    }

    private static let least = "reasons:\n  refused: {severity: soft, suppress: never, source: here}\n"

    @Test func `the shipped rules can be read, and say what follows from each reason`() throws {
        let rules = try BounceRules(reading: BounceRules.standardText, file: "bounce-rules.yaml")
        #expect(rules.reasons.count >= 20)
        #expect(rules.consequence(of: .mailboxUnknown) == .atOnce)
        #expect(rules.consequence(of: .mailboxFull) == .after(nil))
        #expect(rules.consequence(of: .spamSuspected) == .never)
        #expect(rules.consequence(of: .complained) == .atOnce)
        #expect(rules.consequence(of: Reason(rawValue: "no-such-word")) == .never)
    }

    @Test(arguments: [
        ("rulez: []\n", "rules.yaml:3:1: unknown key \"rulez\"; did you mean \"rules\"?"),
        ("rules: [{reason: refusd, says: [no], source: here}]\n", "did you mean \"refused\"?"),
        ("rules: [{reason: refused, source: here}]\n", "a rule without a condition"),
        ("rules: [{reason: refused, says: [no]}]\n", "\"rules.source\" is missing"),
        ("rules: [{reason: refused, says: [\"*\"], source: here}]\n", "must be words to look for"),
        ("rules: [{reason: refused, statuses: [5.1], source: here}]\n", "must be a code such as x.1.1"),
        ("rules: [{reason: refused, codes: [250], source: here}]\n", "must be a reply code"),
        ("rules: [{reason: refused, stages: [quit], source: here}]\n", "must be connect, mail, rcpt or data"),
        ("rules: [{reason: refused, lists: [x], source: here}]\n", "must be a name under `phrases`"),
        ("forms: [{name: x, source: here}]\n", "a form that nothing is known by"),
        ("forms: [{name: x, subject: [y], recipients: [z], source: here}]\n", "must be a text that ends in {address}"),
        ("statuses: {x.1: refused}\n", "must be a code such as x.1.1"),
    ])
    func `a mistake in a rules file is named`(text: String, said: String) {
        #expect(Self.problems(Self.least + text).contains(said))
    }

    @Test(arguments: [
        ("{severity: bitter, suppress: never, source: x}", "must be hard or soft"),
        ("{severity: soft, suppress: now, source: x}", "must be at-once, after or never"),
        ("{severity: soft, suppress: never, after: 3, source: x}", "needs `suppress: after`"),
        ("{severity: soft, suppress: after, after: 0, source: x}", "from 1 to 1000"),
        ("{severity: soft, suppress: never}", "\"reasons.odd.source\" is missing"),
    ])
    func `a mistake in a reason is named`(value: String, said: String) {
        #expect(Self.problems("reasons:\n  odd: \(value)\n").contains(said))
    }

    @Test func `a site's own rules decide`() throws {
        let text = """
            reasons:
              closed: {severity: hard, suppress: after, after: 2, source: here}
              refused: {severity: soft, suppress: never, source: here}
            rules:
              - {reason: closed, says: ["the clinic * closed"], source: here}
            """
        let reader = BounceReader(rules: try BounceRules(reading: Array(text.utf8), file: "rules.yaml"))
        let message = reader.read(Array(Report.delivery(diagnostic: "550 The clinic has been\n closed").utf8))
        let recipient = try #require(message.recipients.first)
        #expect(recipient.reason.rawValue == "closed")
        #expect(recipient.severity == .hard)
        #expect(recipient.consequence == .after(2))
    }
}
