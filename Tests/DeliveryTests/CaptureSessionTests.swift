import Core
import NIOCore
import OpenSSL
import Testing

@testable import Delivery

/// A session fed by hand.
private struct Talk {
    var session: CaptureSession
    var input = ByteBuffer()
    var output = ByteBuffer()
    var messages: [[UInt8]] = []
    var isClosed = false
    var wantsTLS = false

    init(secure: Bool = true, _ change: (inout CaptureOptions) -> Void = { _ in }) {
        var options = CaptureOptions(certificateChainPEM: [], keyPEM: SecretBytes(copying: []))
        change(&options)
        session = CaptureSession(options)
        if secure { session.secured() }
    }

    /// Sends text and returns the answers' codes.
    mutating func send(_ text: String) -> [String] {
        send(Array(text.utf8))
    }

    mutating func send(_ bytes: [UInt8]) -> [String] {
        input.writeBytes(bytes)
        while !isClosed {
            switch session.next(&input, into: &output) {
            case .needsInput: return answers()
            case .startTLS:
                wantsTLS = true
                input.clear()
                return answers()
            case .message(let message):
                messages.append(
                    message.hasDots ? CaptureData.unstuffed(message.data) : Array(message.data.readableBytesView)
                )
                session.answer(to: .accept, into: &output)
            case .close: isClosed = true
            }
        }
        return answers()
    }

    private mutating func answers() -> [String] {
        let text = output.readString(length: output.readableBytes) ?? ""
        return text.split(separator: "\r\n").filter { $0.dropFirst(3).first == " " }.map { String($0.prefix(3)) }
    }

    /// What EHLO is answered with.
    mutating func extensions() -> String {
        input.writeString("EHLO client\r\n")
        _ = session.next(&input, into: &output)
        return output.readString(length: output.readableBytes) ?? ""
    }
}

@Suite("Capture: one session")
struct CaptureSessionTests {
    @Test("a whole conversation is taken in one piece, and the same in single bytes")
    func conversation() {
        let text =
            "EHLO client\r\nMAIL FROM:<a@x.test> SIZE=20 BODY=8BITMIME\r\nRCPT TO:<b@y.test>\r\nDATA\r\n"
            + "Subject: one\r\n\r\n..dots\r\n.\r\n"
            + "MAIL FROM:<>\r\nRCPT TO:<\"odd>one\"@y.test>\r\nDATA\r\n\r\n.\r\nQUIT\r\n"
        let expected = ["250", "250", "250", "354", "250", "250", "250", "354", "250", "221"]
        let messages = [Array("Subject: one\r\n\r\n.dots\r\n".utf8), Array("\r\n".utf8)]

        var whole = Talk()
        #expect(whole.send(text) == expected)
        #expect(whole.messages == messages)
        #expect(whole.isClosed)

        var dripped = Talk()
        #expect(text.utf8.flatMap { dripped.send([$0]) } == expected)
        #expect(dripped.messages == messages)
    }

    @Test("a message cut in two anywhere arrives whole")
    func cuts() {
        let data = Array(".. \r\n.\r.\n.\r\r\n..\r\nend\r\n.\r\n".utf8)
        for cut in 0...data.count {
            var talk = Talk()
            _ = talk.send("EHLO c\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n")
            _ = talk.send(Array(data[..<cut]))
            _ = talk.send(Array(data[cut...]))
            #expect(talk.messages == [Array(". \r\n\r.\n.\r\r\n.\r\nend\r\n".utf8)], "cut at \(cut)")
        }
    }

    @Test("an empty message is a message")
    func emptyMessage() {
        var talk = Talk()
        _ = talk.send("EHLO c\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n")
        #expect(talk.send(".\r\n") == ["250"])
        #expect(talk.messages == [[]])
    }

    @Test(
        "only CR LF . CR LF ends a message",
        arguments: ["\n.\n", "\r\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r\n\0.\r\n", "\r\n. \r\n"]
    )
    func smuggling(end: String) {
        var talk = Talk()
        _ = talk.send("EHLO c\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n")
        #expect(talk.send("text\(end)MAIL FROM:<evil@x.test>\r\n").isEmpty)
        #expect(talk.messages.isEmpty)
        #expect(talk.send("\r\n.\r\n") == ["250"])
        #expect(talk.messages.count == 1)
    }

    @Test(
        "before TLS no mail is taken, and only STARTTLS leads on",
        arguments: [
            "MAIL FROM:<a@x.test>", "RCPT TO:<b@y.test>", "DATA", "AUTH PLAIN AHUAcA==", "VRFY b", "HELP",
        ]
    )
    func inClear(command: String) {
        var talk = Talk(secure: false)
        #expect(talk.send("EHLO c\r\n\(command)\r\nNOOP\r\nRSET\r\n") == ["250", "530", "250", "250"])
        #expect(talk.session.refusedInClear == 1)
        #expect(talk.send("STARTTLS\r\nMAIL FROM:<evil@x.test>\r\n") == ["220"])
        #expect(talk.wantsTLS)
        #expect(talk.input.readableBytes == 0)
    }

    @Test("TLS forgets the EHLO before it, and does not start twice")
    func forgets() {
        var talk = Talk(secure: false)
        _ = talk.send("EHLO c\r\nSTARTTLS\r\n")
        talk.session.secured()
        #expect(talk.send("MAIL FROM:<a@x.test>\r\nSTARTTLS\r\n") == ["503", "503"])
    }

    @Test("STARTTLS stands among the offers before TLS, AUTH behind it")
    func offers() {
        let credentials = CaptureOptions.Credentials(username: "u", password: SecretBytes(copying: [1]))
        var clear = Talk(secure: false) { $0.credentials = credentials }
        let before = clear.extensions()
        #expect(before.contains("250-STARTTLS\r\n"))
        #expect(!before.contains("AUTH"))
        var secure = Talk { $0.credentials = credentials }
        let after = secure.extensions()
        #expect(!after.contains("STARTTLS"))
        #expect(after.contains("250-AUTH PLAIN LOGIN\r\n"))
        var bare = Talk { $0.offers = [] }
        #expect(bare.extensions() == "250-capture.localhost\r\n250 ENHANCEDSTATUSCODES\r\n")
        var none = Talk(secure: false) { $0.offers.remove(.startTLS) }
        #expect(none.send("STARTTLS\r\n") == ["503"])
    }

    @Test(
        "commands out of order and arguments that are none are refused",
        arguments: [
            ("RCPT TO:<b@y.test>", "503"), ("DATA", "503"), ("MAIL FROM:a@x.test", "501"),
            ("MAIL FROM:<a@x.test", "501"),
            ("MAIL FROM:<a@x.test>SIZE=1", "501"), ("MAIL FROM:<a@x.test> FOO=1", "555"),
            ("MAIL FROM:<a@x.test> SIZE=x", "501"),
            ("MAIL FROM:<a@x.test> SIZE=99999999999", "552"), ("MAIL FROM:<\u{fc}@x.test>", "553"), ("BDAT 5", "500"),
            ("EHLO", "501"),
            ("", "500"), ("AUTH PLAIN AHUAcA==", "503"), ("MAIL TO:<a@x.test>", "501"),
        ]
    )
    func mistakes(command: String, code: String) {
        var talk = Talk()
        #expect(talk.send("EHLO c\r\n\(command)\r\nNOOP\r\n") == ["250", code, "250"])
    }

    @Test("without an accepted recipient there is no DATA")
    func noRecipient() {
        var talk = Talk()
        #expect(
            talk.send("EHLO c\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<bounce@y.test>\r\nDATA\r\n") == [
                "250", "250", "550", "554",
            ]
        )
    }

    @Test("an address that is not ASCII needs SMTPUTF8")
    func smtpUTF8() {
        var talk = Talk()
        #expect(
            talk.send("EHLO c\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<m\u{fc}ller@y.test>\r\nRSET\r\n") == [
                "250", "250", "553", "250",
            ]
        )
        #expect(talk.send("MAIL FROM:<a@x.test> SMTPUTF8\r\nRCPT TO:<m\u{fc}ller@y.test>\r\n") == ["250", "250"])
    }

    @Test("a message that is too large is refused at its end, and the next one taken")
    func tooLarge() {
        var talk = Talk { $0.maximumSize = 1_000 }
        let envelope = "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n"
        _ = talk.send("EHLO c\r\n\(envelope)")
        for _ in 0..<100 {
            #expect(talk.send(String(repeating: "x", count: 98) + "\r\n").isEmpty)
            #expect(talk.input.readableBytes <= 1_200)
        }
        #expect(talk.send(".\r\n") == ["552"])
        #expect(talk.send("\(envelope)small\r\n.\r\n") == ["250", "250", "354", "250"])
        #expect(talk.messages == [Array("small\r\n".utf8)])
    }

    @Test("a line without CR LF is no command", arguments: ["NOOP\n", "NOOP\r\r\n", "NO\0OP\r\n", "NO\rOP\r\n"])
    func lineBreaks(line: String) {
        var talk = Talk()
        #expect(talk.send("\(line)NOOP\r\n") == ["500", "250"])
    }

    @Test("a line that never ends, and mistakes without end, end the connection")
    func bounds() {
        var long = Talk()
        #expect(long.send(String(repeating: "x", count: 20_000)) == ["500"])
        #expect(long.isClosed)
        var silly = Talk()
        #expect(silly.send(String(repeating: "WHAT\r\n", count: 50)).last == "421")
        #expect(silly.isClosed)
    }

    @Test(
        "credentials are asked for, and only the right ones taken",
        arguments: [
            (["AUTH PLAIN AHVzZXIAc2VjcmV0"], "235"), (["AUTH PLAIN", "AHVzZXIAc2VjcmV0"], "235"),
            (["AUTH PLAIN dXNlcgB1c2VyAHNlY3JldA=="], "235"), (["AUTH LOGIN", "dXNlcg==", "c2VjcmV0"], "235"),
            (["AUTH LOGIN dXNlcg==", "c2VjcmV0"], "235"), (["AUTH PLAIN AHVzZXIAU2VjcmV0"], "535"),
            (["AUTH LOGIN", "dXNlcg==", "U2VjcmV0"], "535"), (["AUTH PLAIN", "*"], "501"),
            (["AUTH PLAIN", "!!!"], "501"),
            (["AUTH CRAM-MD5"], "504"), (["AUTH PLAIN dXNlcg=="], "501"),
        ]
    )
    func authentication(lines: [String], code: String) {
        var talk = Talk {
            $0.credentials = .init(username: "user", password: SecretBytes(copying: Array("secret".utf8)))
        }
        #expect(talk.send("EHLO c\r\nMAIL FROM:<a@x.test>\r\n") == ["250", "530"])
        var last: [String] = []
        for line in lines { last = talk.send(line + "\r\n") }
        #expect(last == [code])
        #expect(talk.send("MAIL FROM:<a@x.test>\r\n") == [code == "235" ? "250" : "530"])
    }

    @Test(
        "a recipient's name decides how a rehearsal goes",
        arguments: [
            ("anna@y.test", "250"), ("bounce.7@y.test", "550"), ("full@y.test", "552"), ("defer@y.test", "451"),
            ("refuse@y.test", "250"), ("drop@y.test", "250"),
        ]
    )
    func rehearsal(recipient: String, code: String) {
        var talk = Talk()
        #expect(talk.send("EHLO c\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<\(recipient)>\r\n") == ["250", "250", code])
    }

    @Test(
        "the Message-ID is found wherever it stands in the header, and not in the text",
        arguments: [
            ("Message-ID: <1@x>\r\n\r\n", "1@x"), ("A: b\r\nMESSAGE-ID:<2@x>\r\n\r\n", "2@x"),
            ("A: b\r\n\r\nMessage-ID: <3@x>\r\n", nil),
            ("", nil), ("Message-ID: <4@x>", nil),
        ]
    )
    func messageID(message: String, id: String?) {
        #expect(CapturedMessage.messageID(in: Array(message.utf8)) == id)
    }
}
