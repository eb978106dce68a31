import Bounces
import Core
import Testing

@Suite struct DeliveryReportTests {
    private static func read(_ text: String) -> ReturnedMessage {
        BounceReader().read(Array(text.utf8))
    }

    @Test func `a delivery report gives its recipient, and what it was sent in answer to`() throws {
        let message = Self.read(
            Report.delivery(status: "5.1.1", diagnostic: "550 5.1.1 <anna@example.org>: User unknown")
        )
        #expect(message.kind == .bounce)
        #expect(message.form == "rfc3464")
        let recipient = try #require(message.recipients.first)
        #expect(message.recipients.count == 1)
        #expect(recipient.address.exposed == "anna@example.org")
        #expect(recipient.action == .failed)
        #expect(recipient.status == "5.1.1")
        #expect(recipient.replyCode == 550)
        #expect(recipient.diagnostic.exposed == "550 5.1.1 <anna@example.org>: User unknown")
        #expect(recipient.reason == .mailboxUnknown)
        #expect(recipient.severity == .hard)
        #expect(recipient.consequence == .atOnce)
        #expect(message.sentTo.map(\.exposed) == ["b+token@clinic.example"])
        #expect(message.original.messageID?.exposed == "<one@clinic.example>")
        #expect(message.original.feedbackID?.exposed == "job:clinic")
        #expect(message.original.returnPath?.exposed == "b+token@clinic.example")
        #expect(message.original.envelopeID?.exposed == "env-1")
        #expect(message.original.to.map(\.exposed) == ["anna@example.org"])
    }

    @Test func `line ends and an mbox's separator make no difference`() throws {
        let text = Report.delivery(status: "5.2.2", diagnostic: "552 5.2.2 Mailbox full")
        for variant in [text, text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")] {
            for start in ["", "From MAILER-DAEMON Sat Nov 21 12:00:00 2026\n"] {
                let message = Self.read(start + variant)
                #expect(message.kind == .bounce)
                #expect(message.recipients.first?.reason == .mailboxFull)
                #expect(message.sentTo.count == 1)
            }
        }
    }

    @Test func `a warning of delay is no bounce, whatever its words`() throws {
        let message = Self.read(
            Report.delivery(action: "delayed", status: "4.4.1", diagnostic: "550 5.1.1 User unknown")
        )
        #expect(message.kind == .delay)
        #expect(message.recipients.first?.severity == .soft)
        #expect(message.recipients.first?.consequence == .never)
    }

    @Test(arguments: ["delivered", "relayed", "expanded"])
    func `a receipt of delivery is no bounce`(action: String) {
        let message = Self.read(Report.delivery(action: action, status: "2.0.0", diagnostic: "250 Ok"))
        #expect(message.kind == .delivered)
        #expect(message.recipients.first?.severity == nil)
        #expect(message.recipients.first?.consequence == .never)
    }

    @Test(arguments: [
        ("5.1.1", "550 5.7.1 Client host blocked using zen.spamhaus.org", Reason.senderBlocked),
        ("5.0.0", "550 5.2.2 Over quota", .mailboxFull),
        ("5.1.1", "552 message size exceeds fixed limit", .messageTooLarge),
        ("5.0.0", "554 5.7.1 <anna@example.org>: Relay access denied", .relayDenied),
        ("5.0.0", "550 5.7.26 This mail is unauthenticated email", .senderUnauthenticated),
        ("5.1.2", "550 Host unknown", .domainUnknown),
        ("5.1.10", "556 5.1.10 nullMX", .domainWithoutMail),
        ("5.1.6", "551 moved", .mailboxMoved),
        ("5.7.1", "554 5.7.1 message considered spam", .spamSuspected),
        ("5.0.0", "550 5.1.8 Sender address rejected: Domain not found", .senderRefused),
        ("4.4.7", "421 4.4.7 Delivery time expired", .expired),
        ("5.4.6", "554 5.4.6 Too many hops", .routing),
        ("5.0.0", "550 No", .refused),
    ])
    func `the server's own words go before the code`(status: String, diagnostic: String, reason: Reason) {
        let message = Self.read(Report.delivery(status: status, diagnostic: diagnostic))
        #expect(message.recipients.first?.reason == reason)
    }

    @Test func `an unknown user is believed at RCPT or by its code, not behind DATA`() {
        func severity(_ status: String, _ said: String) -> ReportedRecipient.Severity? {
            let report = "<anna@example.org>: host mx said: 550 User unknown (in reply to \(said) command)"
            return Self.read(Report.delivery(status: status, diagnostic: "550 no such user", words: report))
                .recipients.first?.severity
        }
        #expect(severity("5.0.0", "RCPT TO") == .hard)
        #expect(severity("5.1.1", "end of DATA") == .hard)
        #expect(severity("5.0.0", "end of DATA") == .soft)
        #expect(severity("4.1.1", "RCPT TO") == .soft)
    }

    @Test func `nothing of a report prints`() {
        let message = Self.read(Report.delivery(status: "5.1.1", diagnostic: "550 anna is not here"))
        var dumped = ""
        dump(message, to: &dumped)
        for text in ["\(message)", String(reflecting: message), dumped] {
            #expect(!text.contains("anna"))
            #expect(!text.contains("token"))
            #expect(!text.contains("one@clinic"))
        }
    }
}
