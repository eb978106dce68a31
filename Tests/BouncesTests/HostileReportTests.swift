import Bounces
import Core
import TestSupport
import Testing

/// Messages made to exhaust a reader: each is read in bounded time, and means nothing.
///
/// The bound on time is generous, so that a busy machine does not fail it, and far below what the attack would cost.
@Suite struct HostileReportTests {
    struct Attack: CustomTestStringConvertible, Sendable {
        var name: String
        var text: @Sendable () -> String
        var testDescription: String { name }
    }

    static func times(_ count: Int, _ text: String) -> String { String(repeating: text, count: count) }

    static let head =
        "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nTo: b+token@clinic.example\nSubject: failure notice\n"
    static let qmail = head + "\nHi. This is the qmail-send program at x.example.\n"

    static let attacks: [Attack] = [
        Attack(name: "nothing") { "" },
        Attack(name: "an mbox's separator alone") { "From x" },
        Attack(name: "an empty line") { "\n" },
        Attack(name: "NUL bytes") { times(2 << 20, "\0") },
        Attack(name: "ten mebibytes on one line") { times(10 << 20, "a") },
        Attack(name: "ten mebibytes of line ends") { times(10 << 20, "\n") },
        Attack(name: "ten mebibytes of CR") { times(10 << 20, "\r") },
        Attack(name: "a field folded without end") { "To: a@b.example,\n" + times(500_000, " a@b.example,\n") },
        Attack(name: "100,000 fields") { times(100_000, "To: a@b.example\n") + "\n" },
        Attack(name: "one field of all addresses") { "To: " + times(100_000, "a@b.example,") + "\n\n" },
        Attack(name: "nested comments in an address") { "To: " + times(60_000, "(") + "\n\n" },
        Attack(name: "nested groups in an address") { "To: " + times(30_000, "a:") + "\n\n" },
        Attack(name: "encoded words without end") { "Subject: " + times(20_000, "=?utf-8?Q?=41") + "\n\n" },
        Attack(name: "encoded words of no charset") { "Subject: " + times(2_000, "=?x?B?QUJD?= ") + "\n\n" },
        Attack(name: "parameters without end") { "Content-Type: text/plain" + times(5_000, "; a=b") + "\n\n" },
        Attack(name: "parameters in pieces") {
            "Content-Type: text/plain" + (0..<5_000).map { "; a*\($0)*=b" }.joined() + "\n\n"
        },
        Attack(name: "100,000 parts") {
            head + "Content-Type: multipart/report; boundary=b\n\n" + times(100_000, "--b\n\n\n")
        },
        Attack(name: "100,000 parts of reports") {
            head + "Content-Type: multipart/report; boundary=b\n\n"
                + times(100_000, "--b\nContent-Type: message/delivery-status\n\nAction: failed\n")
        },
        Attack(name: "multiparts in multiparts") {
            head + (0..<10_000).map { "Content-Type: multipart/mixed; boundary=b\($0)\n\n--b\($0)\n" }.joined()
        },
        Attack(name: "multiparts of one boundary") {
            head + times(50_000, "Content-Type: multipart/mixed; boundary=b\n\n--b\n")
        },
        Attack(name: "messages in messages") { head + times(50_000, "Content-Type: message/rfc822\n\n") },
        Attack(name: "a boundary of 60,000 characters") {
            head + "Content-Type: multipart/mixed; boundary=\"" + times(60_000, "b") + "\"\n\n--" + times(60_000, "b")
        },
        Attack(name: "a boundary of nothing") {
            head + "Content-Type: multipart/mixed; boundary=\"\"\n\n" + times(100_000, "--\n")
        },
        Attack(name: "base64 that is none") {
            head + "Content-Transfer-Encoding: base64\n\n" + times(20_000, "====!!!!####\n")
        },
        Attack(name: "text of a charset that grows") {
            head + "Content-Type: text/plain; charset=utf-7\n\n" + times(40_000, "+AGE-+AEA-")
        },
        Attack(name: "UTF-16 cut in the middle") {
            head
                + "Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: quoted-printable\n\n=00=D8=00"
        },
        Attack(name: "100,000 addresses in lines") {
            qmail + (0..<100_000).map { "<a\($0)@b.example>:\nuser unknown\n" }.joined()
        },
        Attack(name: "100,000 times one address") { qmail + times(100_000, "<a@b.example>:\n") },
        Attack(name: "signs of addresses") { qmail + times(500_000, "@") },
        Attack(name: "addresses without ends") { qmail + times(300_000, "a@") },
        Attack(name: "quoted addresses without ends") { qmail + times(300_000, "\"@") },
        Attack(name: "beginnings of recipients without addresses") {
            head + "\nIt could not be delivered\n"
                + times(4_000, times(12, "your message to deliver to recipient: ") + "@\n")
        },
        Attack(name: "arrows") { head + "\nTranscript of session follows\n" + times(200_000, ">>> ") },
        Attack(name: "100,000 recipients") {
            Report.delivery(diagnostic: "550 x\n\n" + times(100_000, "Final-Recipient: rfc822; a@b.example\n"))
        },
        Attack(name: "a diagnostic that is cut in a character") {
            Report.delivery(diagnostic: "550 x" + times(3_000, "€"))
        },
        Attack(name: "a diagnostic without end") { Report.delivery(diagnostic: times(100_000, "550 user 5.1.1\n  ")) },
        Attack(name: "nested JSON") { head + "\n" + times(300_000, "{\"a\":[") },
        Attack(name: "JSON of many members") { head + "\n{" + times(100_000, "\"a\":1,") },
        Attack(name: "a JSON text without end") { head + "\n{\"notificationType\":\"" + times(300_000, "\\u00e9") },
        Attack(name: "open tags") { head + "Content-Type: text/html\n\n" + times(500_000, "<") },
        Attack(name: "entities") { head + "Content-Type: text/html\n\n" + times(200_000, "&amp") },
        Attack(name: "hidden elements") { head + "Content-Type: text/html\n\n" + times(100_000, "<style>") },
    ]

    @Test(arguments: attacks)
    func `is read in bounded time`(attack: Attack) {
        let bytes = Array(attack.text().utf8)
        let reader = BounceReader()
        var message = ReturnedMessage(kind: .other)
        let time = processorTime { message = reader.read(bytes) }
        #expect(time < .seconds(10))
        #expect(message.recipients.count <= 100)
        #expect(message.sentTo.count <= 50)
        #expect(message.recipients.allSatisfy { $0.diagnostic.exposed.utf8.count <= 4 << 10 })
    }

    @Test func `any cut of a report is read`() {
        let bytes = Array(Report.delivery(status: "5.1.1", diagnostic: "550 5.1.1 User unknown").utf8)
        let reader = BounceReader()
        for end in stride(from: 0, to: bytes.count, by: 7) {
            let message = reader.read(Array(bytes[..<end]))
            #expect(message.recipients.count <= 1)
        }
    }

    @Test func `what stands behind the first mebibyte is not looked at`() {
        let long = Report.delivery(diagnostic: "550 no", words: Self.times(BounceReader.enoughBytes, "x\n"))
        #expect(BounceReader().read(Array(long.utf8)).recipients.isEmpty)
    }
}
