// swift-format-ignore-file: NeverForceUnwrap, NeverUseForceTry
// A fixture that cannot be made is a broken test, and may say so by trapping.

import Core
import TestSupport
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
        Case(.recipient, "471 later", .deferred, .serverBusy), Case(.mail, "454 later", .deferred, .serverBusy),
        Case(.authentication, "454 4.7.0 later", .deferred, .serverBusy),
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
        Case(.end, "550 5.7.26 DMARC", .refused, .senderUnauthenticated),
        Case(.mail, "530 5.7.0 log in", .refused, .authentication),
        Case(.mail, "535 5.7.8 no", .refused, .authentication),
        Case(.recipient, "550 5.7.17 gone", .refused, .mailboxUnknown),
        Case(.mail, "550 5.7.27 null MX", .refused, .senderRefused),
        // An enhanced code of another class than the reply code is not believed.
        Case(.recipient, "450 5.1.1 odd", .deferred, .serverBusy),
        Case(.recipient, "550 4.2.2 odd", .refused, .mailboxUnknown),
    ]

    /// What providers really say; addresses and ids are made up.
    static let provided: [Case] = [
        // Gmail.
        Case(
            .recipient,
            "550 5.1.1 The email account that you tried to reach does not exist. Please try",
            .refused,
            .mailboxUnknown
        ),
        Case(
            .recipient,
            "550 5.2.1 The email account that you tried to reach is disabled. Learn more",
            .refused,
            .mailboxDisabled
        ),
        Case(
            .recipient,
            "450 4.2.1 The user you are trying to contact is receiving mail too quickly.",
            .deferred,
            .serverBusy
        ),
        Case(.recipient, "452 4.2.2 The recipient's inbox is out of storage space.", .deferred, .mailboxFull),
        Case(
            .end,
            "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP",
            .deferred,
            .serverBusy
        ),
        Case(
            .end,
            "421 4.7.26 Your email has been rate limited because it is unauthenticated.",
            .deferred,
            .senderUnauthenticated
        ),
        Case(
            .end,
            "421 4.7.27 Your email has been rate limited because SPF authentication didn't pass",
            .deferred,
            .senderUnauthenticated
        ),
        Case(
            .end,
            "421 4.7.32 Your email has been rate limited because the From: header isn't aligned",
            .deferred,
            .senderUnauthenticated
        ),
        Case(
            .end,
            "550 5.7.26 Unauthenticated email from riverside.example is not accepted due to domain's DMARC policy.",
            .refused,
            .senderUnauthenticated
        ),
        Case(
            .end,
            "550 5.7.27 Your email has been blocked because SPF authentication didn't pass",
            .refused,
            .senderUnauthenticated
        ),
        Case(
            .end,
            "550 5.7.30 Your email has been blocked because DKIM authentication didn't pass",
            .refused,
            .senderUnauthenticated
        ),
        Case(
            .end,
            "550 5.7.25 The IP address sending this message does not have a PTR record setup",
            .refused,
            .senderBlocked
        ),
        Case(
            .end,
            "550 5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail.",
            .refused,
            .contentRefused
        ),
        Case(
            .end,
            "550 5.7.1 Our system has detected that this message is likely suspicious due to the very low reputation of the sending IP address.",
            .refused,
            .senderBlocked
        ),
        Case(
            .end,
            "552 5.7.0 This message was blocked because its content presents a potential security issue.",
            .refused,
            .contentRefused
        ),
        Case(.mail, "550 5.4.5 Daily SMTP relay sending limit exceeded for customer.", .refused, .serverBusy),
        Case(.recipient, "421 4.7.0 Temporary System Problem. Try again later.", .deferred, .serverBusy),
        // Microsoft.
        Case(
            .recipient,
            "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
            .refused,
            .mailboxUnknown
        ),
        Case(
            .recipient,
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
            .refused,
            .mailboxUnknown
        ),
        Case(
            .recipient,
            "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).",
            .refused,
            .mailboxUnknown
        ),
        Case(
            .mail,
            "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal",
            .refused,
            .senderBlocked
        ),
        Case(.mail, "550 5.7.511 Access denied, banned sender[192.0.2.1].", .refused, .senderBlocked),
        Case(
            .mail,
            "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
            .refused,
            .senderBlocked
        ),
        Case(
            .mail,
            "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus.",
            .refused,
            .senderBlocked
        ),
        Case(
            .mail,
            "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.",
            .deferred,
            .serverBusy
        ),
        Case(
            .greeting,
            "421 4.7.652 The mail server [192.0.2.1] has exceeded the maximum number of connections.",
            .deferred,
            .serverBusy
        ),
        Case(
            .mail,
            "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS77712)",
            .deferred,
            .serverBusy
        ),
        Case(
            .end,
            "550 5.7.509 Access denied, sending domain riverside.example does not pass DMARC verification",
            .refused,
            .senderUnauthenticated
        ),
        Case(
            .end,
            "550 5.7.515 Access denied, sending domain riverside.example does not meet the required authentication level.",
            .refused,
            .senderUnauthenticated
        ),
        Case(.mail, "530 5.7.57 Client not authenticated to send mail.", .refused, .authentication),
        Case(
            .end,
            "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
            .refused,
            .senderRefused
        ),
        Case(.end, "554 5.2.252 SendAsDenied; care@riverside.example not allowed to send as", .refused, .senderRefused),
        Case(.recipient, "550 5.7.64 TenantAttribution; Relay Access Denied", .refused, .relayDenied),
        Case(.recipient, "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required", .refused, .policyRefused),
        Case(.authentication, "535 5.7.3 Authentication unsuccessful", .refused, .authentication),
        // Yahoo.
        Case(
            .greeting,
            "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1",
            .deferred,
            .serverBusy
        ),
        Case(
            .greeting,
            "553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.",
            .refused,
            .policyRefused
        ),
        Case(
            .greeting,
            "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list",
            .refused,
            .senderBlocked
        ),
        Case(
            .end,
            "554 5.7.9 Message not accepted for policy reasons. See https://senders.yahooinc.com/error-codes",
            .refused,
            .policyRefused
        ),
        Case(.mail, "554 5.7.9 Message not accepted for policy reasons.", .refused, .policyRefused),
        Case(
            .end,
            "554 delivery error: dd This user doesn't have a yahoo.com account (jane@yahoo.com) [0]",
            .refused,
            .mailboxUnknown
        ),
        Case(
            .end,
            "554 30 Sorry, your message cannot be delivered. This mailbox is disabled (554.30).",
            .refused,
            .mailboxDisabled
        ),
        Case(.recipient, "552 1 Requested mail action aborted, mailbox not found", .refused, .mailboxUnknown),
        Case(.recipient, "450 User is receiving mail too quickly", .deferred, .serverBusy),
        Case(.end, "521 5.2.1 AOL will not accept delivery of this message.", .refused, .policyRefused),
        // Apple.
        Case(.recipient, "550 5.1.1 <jane@icloud.com>: inactive email address", .refused, .mailboxUnknown),
        Case(.recipient, "552 5.2.2 <jane@icloud.com>: user is over quota", .refused, .mailboxFull),
        Case(.end, "554 5.7.1 [CS01] Message rejected due to local policy.", .refused, .policyRefused),
        Case(
            .end,
            "554 5.7.1 Your message was rejected due to riverside.example's DMARC policy.",
            .refused,
            .senderUnauthenticated
        ),
        Case(.greeting, "421 4.7.0 st11p00im-smtpin005.me.com Error: too many errors", .deferred, .serverBusy),
        // Comcast, and other networks.
        Case(.recipient, "550 5.1.1 Not our Customer", .refused, .mailboxUnknown),
        Case(
            .greeting,
            "554 resimta-h2p-02.example comcast 192.0.2.1 Comcast block for spam. Please see BL000000",
            .refused,
            .senderBlocked
        ),
        Case(.greeting, "421 4.1.0 192.0.2.1 sent too many connections. RL000001", .deferred, .serverBusy),
        Case(.mail, "452 4.1.0 requested action aborted: try again later", .deferred, .serverBusy),
        Case(
            .recipient,
            "550 5.5.0 Adresse destinataire invalide. Invalid recipient. LPN007_416",
            .refused,
            .mailboxUnknown
        ),
        Case(
            .recipient,
            "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]",
            .refused,
            .mailboxUnknown
        ),
        Case(.recipient, "522 5.2.0 Delivery failed: Over quota", .refused, .mailboxFull),
        Case(.recipient, "550 5.2.1 <jane@example.org>... User Unknown", .refused, .mailboxUnknown),
        Case(
            .recipient,
            "550 5.7.1 <jane@example.org>: Recipient address rejected: User unknown",
            .refused,
            .mailboxUnknown
        ),
        Case(
            .recipient,
            "525 5.7.13 <jane@example.org>: Recipient address rejected: User account disabled.",
            .refused,
            .mailboxDisabled
        ),
        Case(.recipient, "550 5.0.0 <jane@example.org>... User unknown", .refused, .mailboxUnknown),
        Case(.end, "550 No such user here", .refused, .mailboxUnknown),
        Case(.end, "554 5.7.0 Reject, id=22222-22 - SPAM.", .refused, .contentRefused),
        Case(.end, "550 5.7.1 Message content rejected, UBE, id=00000-00-000", .refused, .contentRefused),
        Case(.recipient, "554 5.7.1 [C14] Missing reverse DNS for 192.0.2.1", .refused, .senderBlocked),
        Case(.recipient, "501 5.1.8 Sender address rejected", .refused, .senderRefused),
        Case(.mail, "550 5.1.1 who are you", .refused, .senderRefused),
        // Relays for hire.
        Case(.end, "454 Throttling failure: Maximum sending rate exceeded.", .deferred, .serverBusy),
        Case(.end, "554 Message rejected: Email address is not verified.", .refused, .senderRefused),
        Case(.mail, "550 Unauthenticated senders not allowed", .refused, .authentication),
        // The registry.
        Case(.mail, "550 5.7.30 REQUIRETLS support required", .refused, .requireTLSMissing),
        Case(.mail, "550 5.7.20 No passing DKIM signature found", .refused, .senderUnauthenticated),
        Case(.end, "550 5.7.29 ARC validation failure", .refused, .senderUnauthenticated),
        Case(.end, "550 5.7.16 Message too big for the specified priority", .refused, .messageTooLarge),
        Case(.recipient, "550 5.7.19 RRVS test cannot be completed", .refused, .mailboxUnknown),
        Case(.mail, "554 5.7.8 Authentication credentials invalid", .refused, .authentication),
        Case(.end, "554 5.7.8 no", .refused, .policyRefused),
        // No mailbox was named yet.
        Case(.mail, "552 5.2.2 full", .refused, .refused), Case(.mail, "452 4.2.2 full", .deferred, .serverBusy),
        Case(.greeting, "550 5.1.1 no", .refused, .refused), Case(.mail, "550 5.2.1 off", .refused, .refused),
    ]

    @Test("What providers say", arguments: provided)
    func providers(_ row: Case) {
        table(row)
    }

    @Test("A text as long as they come is judged in no time, and by its beginning")
    func longText() {
        let text = Array(String(repeating: "u", count: 60_000).utf8) + Array("user unknown".utf8)
        let time = processorTime {
            for _ in 0..<200 {
                #expect(Judgement(Reply(code: 550, text: text), at: .end).reason == .policyRefused)
            }
        }
        #expect(time < .seconds(5))
    }

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
        "421 slows the route; 4.7.x does at MAIL, and the recipient's domain later",
        arguments: [
            ("421 bye", Stage.greeting, AttemptResult.SlowDown.route), ("421 4.7.0 bye", .recipient, .route),
            ("421 4.4.2 too long silent", .mail, .nobody), ("421 bye", .end, .route), ("450 4.7.1 slow", .mail, .route),
            ("450 4.7.1 slow", .recipient, .recipientDomain), ("451 4.7.0 slow", .data, .recipientDomain),
            ("450 4.7.28 slow", .end, .recipientDomain), ("450 4.2.1 off", .recipient, .nobody),
            ("451 4.3.0 off", .mail, .nobody), ("550 5.7.1 no", .mail, .nobody), ("550 5.7.1 no", .recipient, .nobody),
            ("454 Throttling failure: Maximum sending rate exceeded.", .end, .route),
            ("452 4.3.2 Connection rate limit exceeded.", .recipient, .route), ("451 4.3.0 disk", .recipient, .nobody),
        ]
    )
    func slowDown(_ text: String, _ stage: Stage, _ expected: AttemptResult.SlowDown) {
        same(Judgement(Self.reply(text), at: stage).slowDown, expected)
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
