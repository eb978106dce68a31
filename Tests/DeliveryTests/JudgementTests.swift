// swift-format-ignore-file: NeverForceUnwrap, NeverUseForceTry
// A fixture that cannot be made is a broken test, and may say so by trapping.

import Core
import Testing

@testable import Delivery

@Suite("One function says what a reply means")
struct JudgementTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let stage: Stage
        let reply: String
        let verdict: AttemptResult.Verdict
        let reason: Reason

        init(_ stage: Stage, _ reply: String, _ verdict: AttemptResult.Verdict, _ reason: Reason) {
            (self.stage, self.reply, self.verdict, self.reason) = (stage, reply, verdict, reason)
        }

        var testDescription: String { "\(stage.rawValue): \(reply)" }
    }

    static let cases: [Case] = [
        Case(.end, "250 ok", .accepted, .none), Case(.end, "250 5.1.1 odd", .accepted, .none),
        Case(.end, "251 ok", .unknown, .protocolError), Case(.end, "354 go", .unknown, .protocolError),
        Case(.data, "250 ok", .deferred, .protocolError), Case(.mail, "354 go", .deferred, .protocolError),
        // Basic codes.
        Case(.recipient, "421 bye", .deferred, .serverBusy), Case(.recipient, "450 later", .deferred, .serverBusy),
        Case(.recipient, "451 later", .deferred, .serverBusy), Case(.recipient, "452 full", .deferred, .serverBusy),
        Case(.recipient, "471 later", .deferred, .serverBusy), Case(.mail, "454 later", .deferred, .authentication),
        Case(.mail, "432 change it", .deferred, .authentication),
        Case(.mail, "550 no", .refused, .senderRefused), Case(.mail, "553 no", .refused, .senderRefused),
        Case(.mail, "554 no", .refused, .policyRefused), Case(.mail, "530 log in", .refused, .authentication),
        Case(.mail, "535 no", .refused, .authentication), Case(.mail, "552 big", .refused, .messageTooLarge),
        Case(.mail, "523 big", .refused, .messageTooLarge), Case(.mail, "500 what", .refused, .refused),
        Case(.recipient, "550 unknown", .refused, .mailboxUnknown),
        Case(.recipient, "551 moved", .refused, .mailboxUnknown),
        Case(.recipient, "552 full", .refused, .mailboxFull), Case(.recipient, "553 what", .refused, .mailboxUnknown),
        Case(.recipient, "554 no", .refused, .refused), Case(.recipient, "556 null MX", .refused, .mailboxUnknown),
        Case(.recipient, "571 no", .refused, .policyRefused), Case(.recipient, "521 no", .refused, .policyRefused),
        Case(.recipient, "550 relaying denied", .refused, .relayDenied),
        Case(.recipient, "554 Relay access denied", .refused, .relayDenied),
        Case(.end, "550 no", .refused, .policyRefused), Case(.end, "552 big", .refused, .messageTooLarge),
        Case(.end, "554 spam", .refused, .contentRefused), Case(.end, "541 spam", .refused, .contentRefused),
        Case(.data, "554 no", .refused, .refused),
        // Enhanced codes.
        Case(.mail, "550 5.1.0 no", .refused, .senderRefused),
        Case(.recipient, "550 5.1.0 no", .refused, .mailboxUnknown),
        Case(.recipient, "550 5.1.1 no", .refused, .mailboxUnknown),
        Case(.recipient, "550 5.1.6 moved", .refused, .mailboxUnknown),
        Case(.recipient, "556 5.1.10 null MX", .refused, .mailboxUnknown),
        Case(.mail, "553 5.1.7 no", .refused, .senderRefused),
        Case(.recipient, "450 4.1.8 no", .deferred, .senderRefused),
        Case(.recipient, "450 4.1.1 unverified", .deferred, .mailboxUnknown),
        Case(.recipient, "550 5.2.1 off", .refused, .mailboxDisabled),
        Case(.recipient, "550 5.2.0 off", .refused, .mailboxDisabled),
        Case(.recipient, "552 5.2.2 full", .refused, .mailboxFull),
        Case(.recipient, "452 4.2.2 full", .deferred, .mailboxFull),
        Case(.recipient, "450 4.2.1 off", .deferred, .serverBusy),
        Case(.recipient, "552 5.2.3 big", .refused, .messageTooLarge),
        Case(.end, "452 4.3.1 disk", .deferred, .serverBusy), Case(.mail, "552 5.3.4 big", .refused, .messageTooLarge),
        Case(.recipient, "550 5.3.2 no", .refused, .refused),
        Case(.recipient, "550 5.4.1 denied", .refused, .mailboxUnknown),
        Case(.recipient, "451 4.4.1 no answer", .deferred, .serverBusy),
        Case(.recipient, "554 5.4.6 loop", .refused, .refused), Case(.mail, "501 5.5.4 what", .refused, .refused),
        Case(.recipient, "452 4.5.3 many", .deferred, .serverBusy),
        Case(.end, "554 5.6.0 content", .refused, .contentRefused),
        Case(.mail, "553 5.6.7 no UTF-8", .refused, .smtputf8Missing),
        Case(.recipient, "550 5.7.1 relaying denied", .refused, .relayDenied),
        Case(.recipient, "550 5.7.1 no", .refused, .policyRefused),
        Case(.end, "550 5.7.1 relay", .refused, .policyRefused),
        Case(.recipient, "450 4.7.1 greylisted", .deferred, .serverBusy),
        Case(.end, "421 4.7.0 slow down", .deferred, .serverBusy),
        Case(.end, "450 4.7.28 flood", .deferred, .serverBusy),
        Case(.end, "550 5.7.26 DMARC", .refused, .policyRefused),
        Case(.mail, "530 5.7.0 log in", .refused, .authentication),
        Case(.mail, "535 5.7.8 no", .refused, .authentication),
        Case(.recipient, "550 5.7.17 gone", .refused, .mailboxUnknown),
        Case(.mail, "550 5.7.27 null MX", .refused, .senderRefused),
        // An enhanced code of another class than the reply code is not believed.
        Case(.recipient, "450 5.1.1 odd", .deferred, .serverBusy),
        Case(.recipient, "550 4.2.2 odd", .refused, .mailboxUnknown),
    ]

    @Test("The table", arguments: cases)
    func table(_ row: Case) {
        let judgement = Judgement(Self.reply(row.reply), at: row.stage)
        #expect(judgement.verdict == row.verdict)
        #expect(judgement.reason == row.reason)
    }

    @Test("No code but 250 at the message's end is ever accepted")
    func acceptedOnlyBy250() {
        for code in 200...599 {
            for stage in Stage.allCases {
                let verdict = Judgement(Reply(code: code, text: []), at: stage).verdict
                #expect((verdict == .accepted) == (code == 250 && stage == .end), "\(code) at \(stage)")
                #expect((verdict == .refused) == (code >= 500), "\(code) at \(stage)")
            }
        }
    }

    @Test(
        "421 and 4.7.x ask for a pause",
        arguments: [("421 bye", true), ("450 4.7.1 slow", true), ("450 4.2.1 off", false), ("550 5.7.1 no", false)]
    )
    func slowDown(_ text: String, _ expected: Bool) {
        #expect(Judgement(Self.reply(text), at: .recipient).asksToSlowDown == expected)
    }

    static func reply(_ text: String) -> Reply {
        Reply(code: Int(text.prefix(3))!, text: Array(text.dropFirst(4).utf8))
    }
}

@Suite("A reply in a report")
struct ReplyDetailTests {
    private let address = try! Address(localPart: "Jane.Roe", domain: "example.org")

    @Test(
        "The row's address is taken out",
        arguments: [
            ("550 <jane.roe@example.org>: no", "550 <address>: no"),
            ("550 JANE.ROE@EXAMPLE.ORG no", "550 <address> no"),
            ("550 jane.roe@example.org", "550 <address>"),
            ("550 for <Jane.Roe@Example.org>,<jane.roe@example.org>", "550 for <address>,<address>"),
            ("550 user jane.roe unknown", "550 user <address> unknown"),
            ("550 jane.roe=example.org", "550 <address>=example.org"),
            ("550 xjane.roe@example.org", "550 x<address>"),
            ("550 mjane.roes are many", "550 mjane.roes are many"),
            ("550 5.1.1 a", "550 5.1.1 a"), ("250", "250"),
        ]
    )
    func hidden(_ reply: String, _ detail: String) {
        #expect(JudgementTests.reply(reply).detail(hiding: address) == detail)
    }

    @Test("Lines become one, and a repeated enhanced code is said once")
    func lines() {
        let reply = Reply(code: 550, text: Array("5.1.1 no such\n5.1.1 user\n\nhere".utf8))
        #expect(reply.detail(hiding: nil) == "550 5.1.1 no such user here")
    }

    @Test("A detail is bounded, even if it is all combining marks")
    func bounded() {
        let text = Array("e".utf8) + Array(String(repeating: "\u{301}", count: 30_000).utf8)
        #expect(Reply(code: 550, text: text).detail(hiding: nil).unicodeScalars.count == 300)
        let long = [UInt8](repeating: 0x61, count: 60_000)
        #expect(Reply(code: 550, text: long).detail(hiding: nil).utf8.count == 300)
    }

    @Test("No byte makes a detail that holds a control character", arguments: UInt8.min...UInt8.max)
    func neutral(_ byte: UInt8) {
        let detail = Reply(code: 550, text: [0x61, byte, 0x62]).detail(hiding: nil)
        #expect(detail.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F })
        #expect(detail.hasPrefix("550 a") && detail.hasSuffix("b"))
    }
}
