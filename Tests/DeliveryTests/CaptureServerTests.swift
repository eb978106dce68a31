import Foundation
import OpenSSL
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite("Capture: the server", .timeLimit(.minutes(2)))
struct CaptureServerTests {
    private let kit: CaptureKit

    init() throws {
        kit = try CaptureKit()
    }

    /// A server for the time of the body.
    private func withServer(
        _ change: (inout CaptureOptions) -> Void = { _ in },
        _ body: (CaptureServer, Int) throws -> Void
    ) async throws {
        var options = CaptureOptions(certificateChainPEM: kit.server.chainPEM, keyPEM: kit.server.keyPEM)
        change(&options)
        let server = try CaptureServer(options)
        let port = try await server.start()
        let result = Result { try body(server, port) }
        try await server.shutdown()
        try result.get()
    }

    private func secureClient(_ port: Int) throws -> CaptureClient {
        let client = try CaptureClient(port: port)
        #expect(try client.reply()?.hasPrefix("220 ") == true)
        #expect(try client.ask("EHLO client\r\n") == "250")
        #expect(try client.ask("STARTTLS\r\n") == "220")
        try client.startTLS(kit)
        #expect(try client.ask("EHLO client\r\n") == "250")
        return client
    }

    private func mail(_ client: CaptureClient, to recipient: String, _ text: String) throws -> String? {
        #expect(try client.ask("MAIL FROM:<care@x.test>\r\n") == "250")
        #expect(try client.ask("RCPT TO:<\(recipient)>\r\n") == "250")
        #expect(try client.ask("DATA\r\n") == "354")
        return try client.ask("\(text).\r\n")
    }

    @Test("a message is stored whole, with its envelope above it")
    func stores() async throws {
        let folder = try TemporaryDirectory()
        let seen = Mutex<[CapturedMessage]>([])
        try await withServer({
            $0.store = .folder(folder.path("mail"))
            $0.log = folder.path("log")
            $0.syncs = true
            $0.onMessage = { message in seen.withLock { $0.append(message) } }
        }) { server, port in
            let client = try secureClient(port)
            let text = "Message-ID: <7@x.test>\r\n\r\n..a line with a dot\r\nend\r\n"
            #expect(try mail(client, to: "anna@y.test", text) == "250")
            #expect(
                try folder.text("log") == "anna@y.test\t51\t7@x.test\n",
                "the log's line is there when the answer is"
            )
            #expect(
                try folder.text("mail/new/00000001.eml")
                    == "Return-Path: <care@x.test>\r\nX-Original-To: anna@y.test\r\nDelivered-To: anna@y.test\r\n"
                    + "Message-ID: <7@x.test>\r\n\r\n.a line with a dot\r\nend\r\n"
            )
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("mail/tmp")).isEmpty)
            #expect(try client.ask("QUIT\r\n") == "221")
            #expect(try client.reply() == nil)
            #expect(server.counters.messages == 1)
            #expect(server.counters.handshakes == 1)
        }
        #expect(seen.withLock { $0.map(\.recipients) } == [["anna@y.test"]])
        #expect(seen.withLock { $0.first?.messageID } == "7@x.test")
    }

    @Test("implicit TLS greets inside TLS")
    func implicit() async throws {
        try await withServer({ $0.tls = .implicit }) { server, port in
            let client = try CaptureClient(port: port)
            try client.startTLS(kit, name: "127.0.0.1")
            #expect(try client.reply()?.hasPrefix("220 ") == true)
            #expect(try client.ask("EHLO client\r\n") == "250")
            #expect(try mail(client, to: "anna@y.test", "text\r\n") == "250")
            #expect(server.counters.bytesInClear == 0)
        }
    }

    @Test("what came in one piece with STARTTLS is thrown away")
    func injection() async throws {
        try await withServer { server, port in
            let client = try CaptureClient(port: port)
            _ = try client.reply()
            #expect(try client.ask("EHLO client\r\n") == "250")
            #expect(try client.ask("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@x.test>\r\n") == "220")
            try client.startTLS(kit)
            #expect(try client.ask("RCPT TO:<anna@y.test>\r\n") == "503")
            #expect(server.counters.bytesBehindStartTLS == 36)
        }
    }

    @Test("mail in clear is refused and counted")
    func inClear() async throws {
        try await withServer { server, port in
            let client = try CaptureClient(port: port)
            _ = try client.reply()
            #expect(try client.ask("MAIL FROM:<a@x.test>\r\n") == "530")
            #expect(try client.ask("QUIT\r\n") == "221")
            #expect(try client.reply() == nil)
            #expect(server.counters.messages == 0)
        }
    }

    @Test("a client that does not trust the certificate is counted as a failed handshake")
    func distrust() async throws {
        let other = try CaptureKit()
        try await withServer { server, port in
            let client = try CaptureClient(port: port)
            _ = try client.reply()
            #expect(try client.ask("STARTTLS\r\n") == "220")
            let error = #expect(throws: TLSError.self) { try client.startTLS(other) }
            #expect(error?.code == .certificateUntrusted)
            #expect(try client.reply() == nil, "the server hangs up when it read the alert")
            #expect(server.counters.handshakes == 0)
            #expect(server.counters.failedHandshakes == 1)
        }
    }

    @Test("a pipelined batch is answered in order")
    func pipelining() async throws {
        try await withServer { server, port in
            let client = try secureClient(port)
            let one = "MAIL FROM:<a@x.test>\r\nRCPT TO:<bounce@y.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n"
            try client.send(one)
            #expect(try (0..<4).map { _ in try client.reply()?.prefix(3) } == ["250", "550", "250", "354"])
            try client.send("text\r\n.\r\n" + one)
            #expect(try (0..<5).map { _ in try client.reply()?.prefix(3) } == ["250", "250", "550", "250", "354"])
            #expect(server.counters.messages == 1)
        }
    }

    @Test("a rehearsal refuses and drops at the message's end")
    func messageEnd() async throws {
        let folder = try TemporaryDirectory()
        try await withServer({ $0.store = .folder(folder.path("mail")) }) { server, port in
            let client = try secureClient(port)
            #expect(try mail(client, to: "refuse@y.test", "text\r\n") == "554")
            #expect(server.counters.messages == 0)
            #expect(try mail(client, to: "drop@y.test", "text\r\n") == nil)
            #expect(server.counters.messages == 1, "a dropped message was taken, and the sender cannot know")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("mail/new")) == ["00000001.eml"])
    }

    @Test("a second server on the folder goes on counting and overwrites nothing")
    func numbering() async throws {
        let folder = try TemporaryDirectory()
        for _ in 0..<2 {
            try await withServer({ $0.store = .folder(folder.path) }) { _, port in
                let client = try secureClient(port)
                #expect(try mail(client, to: "anna@y.test", "text\r\n") == "250")
            }
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("new")).sorted()
        #expect(names == ["00000001.eml", "00000002.eml"])
    }

    @Test("a message that cannot be stored is not taken")
    func unwritable() async throws {
        let folder = try TemporaryDirectory()
        try await withServer({ $0.store = .folder(folder.path) }) { server, port in
            let client = try secureClient(port)
            try FileManager.default.removeItem(atPath: folder.path("tmp"))
            #expect(try mail(client, to: "anna@y.test", "text\r\n") == "451")
            #expect(server.counters.messages == 0)
        }
    }

    @Test("an answer waits as long as it was asked to")
    func delay() async throws {
        try await withServer({ $0.replyDelay = .milliseconds(30) }) { _, port in
            let clock = ContinuousClock()
            let client = try secureClient(port)
            let start = clock.now
            #expect(try client.ask("NOOP\r\n") == "250")
            let took = clock.now - start
            #expect(took >= .milliseconds(30))
        }
    }

    @Test("a certificate with another key, and a folder that cannot be, stop the server before it listens")
    func badOptions() throws {
        let other = try CaptureKit()
        let mixed = CaptureOptions(certificateChainPEM: kit.server.chainPEM, keyPEM: other.server.keyPEM)
        #expect(throws: OpenSSLError.self) { try CaptureServer(mixed) }
        var nowhere = CaptureOptions(certificateChainPEM: kit.server.chainPEM, keyPEM: kit.server.keyPEM)
        nowhere.store = .folder("/dev/null/mail")
        #expect(throws: CaptureError.self) { try CaptureServer(nowhere) }
    }

    @Test("Python's smtplib sends through it, over verified TLS", .enabled(if: Command.exists("python3")))
    func smtplib() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("root.pem", kit.root.certificatePEM)
        let script = """
            import smtplib, ssl, sys
            port, root = int(sys.argv[1]), sys.argv[2]
            context = ssl.create_default_context(cafile=root)
            with smtplib.SMTP("localhost", port, timeout=20) as smtp:
                smtp.starttls(context=context)
                smtp.login("user", "secret")
                for number in range(3):
                    smtp.sendmail("care@x.test", ["anna@y.test", "otto@y.test"],
                                  f"Message-ID: <{number}@x.test>\\r\\n\\r\\n.dot\\r\\n..\\r\\n".encode())
            """
        try await withServer({
            $0.host = "localhost"
            $0.store = .folder(folder.path("mail"))
            $0.log = folder.path("log")
            $0.credentials = .init(username: "user", password: SecretBytes(copying: Array("secret".utf8)))
        }) { server, port in
            let run = try Command.run(["python3", "-c", script, String(port), folder.path("root.pem")])
            #expect(run.status == 0, "\(run.errorText)")
            #expect(server.counters.messages == 3)
        }
        #expect(
            try folder.text("log")
                == (0..<3).map { "anna@y.test\t36\t\($0)@x.test\notto@y.test\t36\t\($0)@x.test\n" }.joined()
        )
        #expect(try folder.text("mail/new/00000003.eml").hasSuffix("Message-ID: <2@x.test>\r\n\r\n.dot\r\n..\r\n"))
    }
}
