import Delivery
import Testing

@testable import Engine

@Suite struct GreylistingTests {
    static let answers: [(detail: String, attempt: Int, isGrey: Bool)] = [
        // Postfix's policy service, milter-greylist, rspamd.
        ("450 4.7.1 <…>: Recipient address rejected: Greylisted, see help", 1, true),
        ("450 4.7.1 <…>: Recipient address rejected: Greylisted, see help", 3, true),
        ("451 4.7.1 Greylisting in action, please come back in 00:05:00", 2, true),
        ("451 4.7.1 Try again later", 1, true),
        ("451 4.7.1 Try again later", 2, false),
        ("451 4.7.1 Rate limit exceeded", 1, false),
        ("450 4.7.1 Too many messages from you", 1, false),
        // Google, Microsoft, Yahoo.
        ("450 4.7.28 Gmail has detected an unusual rate of mail", 1, false),
        ("451 4.7.650 The mail server has been temporarily rate limited", 1, false),
        ("421 4.7.0 [TSS04] Messages temporarily deferred", 1, false),
        ("451 4.7.500 Server busy", 1, false),
        ("451", 1, false), ("", 1, false),
    ]

    @Test("Greylisting is told from an answer that asks to slow down", arguments: answers)
    func told(detail: String, attempt: Int, isGrey: Bool) {
        #expect(Greylisting.isLikely(AttemptResult(.deferred, detail: detail), attempt: attempt) == isGrey)
    }
}
