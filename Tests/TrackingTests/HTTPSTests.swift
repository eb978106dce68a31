import Core
import Dispatch
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Tracking

/// The server as others meet it: over TLS, with curl.
@Suite("Tracking server over HTTPS", .enabled(if: Command.exists("curl"), "needs curl"), .timeLimit(.minutes(2)))
struct HTTPSTests {
    /// Runs a server on a port of the system's choice, and a body beside it.
    private func serve(
        names: [String] = ["localhost"],
        _ body: @Sendable @escaping (_ port: Int, _ ca: String, _ events: EventsFolder) async throws -> Void
    ) async throws {
        let events = try EventsFolder()
        let authority = try CertificateAuthority(commonName: "Test CA", notBefore: 0, notAfter: 4_000_000_000)
        let issued = try authority.issue(CertificateRequest(names: names, notBefore: 0, notAfter: 4_000_000_000))
        let files = try TemporaryDirectory()
        let ca = try files.write("ca.pem", authority.certificatePEM)
        let (ports, announcement) = AsyncStream.makeStream(of: Int.self)
        let server = try TrackingServer(
            .init(
                host: "127.0.0.1",
                port: 0,
                certificatePEM: issued.chainPEM,
                keyPEM: issued.keyPEM,
                baseURL: Fixture.baseURL,
                keys: Fixture.keys
            ),
            log: try events.log(),
            onRunning: { announcement.yield($0) }
        )
        try await withThrowingTaskGroup { group in
            group.addTask {
                do { try await server.run() } catch is CancellationError {}
                announcement.finish()
            }
            var all = ports.makeAsyncIterator()
            let port = try #require(await all.next())
            try await body(port, ca, events)
            group.cancelAll()
        }
    }

    /// Runs curl on a thread of its own, so that the server keeps its threads.
    private func curl(_ arguments: [String]) async throws -> Command.Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "curl").async {
                continuation.resume(with: Result { try Command.run(["curl", "-sS", "--max-time", "30"] + arguments) })
            }
        }
    }

    private func url(_ port: Int, _ path: String) -> String {
        "https://localhost:\(port)\(path)"
    }

    @Test("opens, clicks and opt-outs over verified TLS")
    func round() async throws {
        try await serve { port, ca, events in
            let token = { (bytes: [UInt8]) in String(decoding: bytes, as: UTF8.self) }
            let common = ["--http1.1", "--cacert", ca, "-i", "-A", "Test/1"]
            let open = try await curl(common + [url(port, "/o/\(token(Fixture.openToken())).gif")])
            #expect(open.status == 0, "\(open.errorText)")
            #expect(open.text.hasPrefix("HTTP/1.1 200"))
            #expect(!open.text.lowercased().contains("\r\nserver:"))
            #expect(!open.text.lowercased().contains("\r\nset-cookie:"))
            let click = try await curl(common + [url(port, "/c/\(token(Fixture.clickToken()))")])
            #expect(click.text.hasPrefix("HTTP/1.1 302"))
            #expect(click.text.lowercased().contains("\r\nlocation: \(Fixture.target.lowercased())\r\n"))
            let optOut = try await curl(
                common + [
                    "--data", "List-Unsubscribe=One-Click", url(port, "/u/\(token(Fixture.unsubscribeToken()))"),
                ]
            )
            #expect(optOut.text.hasPrefix("HTTP/1.1 200"))
            let health = try await curl(["--cacert", ca, url(port, "/healthz")])
            #expect(health.text == "ok\n")
            #expect(try events.events().map(\.kind) == [.open, .click, .unsubscribe])
            #expect(try events.events().allSatisfy { $0.agent == "Test/1" })
        }
    }

    @Test("paths that climb get 404, whatever a client leaves of them")
    func climbing() async throws {
        try await serve { port, ca, events in
            for path in ["/../../etc/passwd", "/o/../../x.gif", "/c/..%2f..%2fetc", "/u/%00"] {
                let answer = try await curl([
                    "--cacert", ca, "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}",
                    url(port, path),
                ])
                #expect(["404", "400"].contains(answer.text), "\(path)")
            }
            #expect(try events.events().isEmpty)
        }
    }

    @Test(
        "TLS 1.1 and clear text are not spoken; 1.2 and 1.3 are",
        arguments: [
            (["--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0"], false), (["--tls-max", "1.2"], true),
            (["--tlsv1.3"], true),
        ]
    )
    func versions(arguments: [String], works: Bool) async throws {
        try await serve { port, ca, _ in
            let result = try await curl(["--cacert", ca] + arguments + [url(port, "/healthz")])
            #expect((result.status == 0) == works, "\(result.errorText)")
            let clear = try await curl(["http://localhost:\(port)/healthz"])
            #expect(clear.status != 0)
        }
    }

    @Test("headers beyond the limits are refused and the server goes on")
    func largeHeaders() async throws {
        try await serve { port, ca, _ in
            let large = String(repeating: "x", count: 100_000)
            let refused = try await curl(
                [
                    "--cacert", ca, "-o", "/dev/null", "-w", "%{http_code}", "-H", "X-Large: \(large)",
                    url(port, "/healthz"),
                ]
            )
            #expect(refused.text != "200")
            let next = try await curl(["--cacert", ca, url(port, "/healthz")])
            #expect(next.text == "ok\n")
        }
    }

    @Test("one connection carries many requests, each one event")
    func keepAlive() async throws {
        try await serve { port, ca, events in
            var arguments = ["--cacert", ca]
            for row in 1...100 as ClosedRange<UInt32> {
                let token = String(decoding: Fixture.openToken(row), as: UTF8.self)
                arguments += ["-o", "/dev/null", url(port, "/o/\(token).gif")]
            }
            let result = try await curl(arguments + ["-w", "%{num_connects}"])
            #expect(result.status == 0, "\(result.errorText)")
            #expect(result.text == "1" + String(repeating: "0", count: 99))
            #expect(try events.events().map(\.row.value) == Array(1...100))
        }
    }

    @Test("1,000 requests over many connections at once are 1,000 events")
    func manyConnections() async throws {
        try await serve { port, ca, events in
            let list = try TemporaryDirectory()
            let config = (1...1_000 as ClosedRange<UInt32>).map { row in
                let token = String(decoding: Fixture.openToken(row), as: UTF8.self)
                return "url = \"\(url(port, "/o/\(token).gif"))\"\noutput = /dev/null\n"
            }
            let file = try list.write("config", text: config.joined())
            let result = try await curl([
                "--cacert", ca, "--http1.1", "--parallel", "--parallel-immediate", "--parallel-max", "40",
                "--no-progress-meter", "-w", "%{http_code} %{num_connects}\n", "-K", file,
            ])
            #expect(result.status == 0, "\(result.errorText)")
            let lines = result.text.split(separator: "\n")
            #expect(lines.count { $0.hasPrefix("200 ") } == 1_000)
            #expect(lines.count { $0 == "200 1" } > 1, "more than one connection")
            let rows = try events.events().map(\.row.value)
            #expect(rows.count == 1_000)
            #expect(Set(rows) == Set(1...1_000))
        }
    }

    @Test("HTTP/2 is spoken with who speaks it, with the same answers; pages, methods and codes included")
    func http2() async throws {
        try await serve { port, ca, events in
            let token = { (bytes: [UInt8]) in String(decoding: bytes, as: UTF8.self) }
            let common = ["--http2", "--cacert", ca, "-i", "-A", "Test/2"]
            let open = try await curl(common + [url(port, "/o/\(token(Fixture.openToken())).gif")])
            #expect(open.text.hasPrefix("HTTP/2 200"), "\(open.errorText)")
            #expect(open.text.contains("\r\ncontent-length: 43\r\n"))
            let click = try await curl(common + [url(port, "/c/\(token(Fixture.clickToken()))")])
            #expect(click.text.contains("\r\nlocation: \(Fixture.target)\r\n"))
            let page = url(port, "/u/\(token(Fixture.unsubscribeToken()))")
            #expect(try await curl(common + ["-I", page]).text.hasPrefix("HTTP/2 200"))
            #expect(try await curl(common + ["-X", "PUT", page]).text.hasPrefix("HTTP/2 405"))
            #expect(
                try await curl(common + ["--data", "List-Unsubscribe=One-Click", page]).text.hasPrefix("HTTP/2 200")
            )
            #expect(try await curl(common + [url(port, "/x/y")]).text.hasPrefix("HTTP/2 404"))
            let large = String(repeating: "x", count: 20_000)
            #expect(try await curl(common + ["--data", large, page]).text.contains("HTTP/2 413"))
            #expect(try events.events().map(\.kind) == [.open, .click, .unsubscribe])
        }
    }

    @Test("many requests at a time on one connection of HTTP/2 are each one event")
    func multiplexed() async throws {
        try await serve { port, ca, events in
            let list = try TemporaryDirectory()
            let config = (1...300 as ClosedRange<UInt32>).map { row in
                let token = String(decoding: Fixture.openToken(row), as: UTF8.self)
                return "url = \"\(url(port, "/o/\(token).gif"))\"\noutput = /dev/null\n"
            }
            let file = try list.write("config", text: config.joined())
            let result = try await curl([
                "--cacert", ca, "--http2", "--parallel", "--parallel-max", "50", "--no-progress-meter",
                "-w", "%{http_code} %{http_version}\n", "-K", file,
            ])
            #expect(result.status == 0, "\(result.errorText)")
            #expect(result.text.split(separator: "\n").allSatisfy { $0 == "200 2" })
            #expect(Set(try events.events().map(\.row.value)) == Set(1...300))
        }
    }

    @Test("answers say what a browser may do: nothing", arguments: ["/healthz", "/none", "/o/x.gif"])
    func headers(path: String) async throws {
        try await serve { port, ca, _ in
            let text = try await curl(["--cacert", ca, "-i", url(port, path)]).text.lowercased()
            for field in [
                "cache-control: no-store", "referrer-policy: no-referrer", "x-content-type-options: nosniff",
                "content-security-policy: default-src 'none'", "strict-transport-security: max-age=",
                "frame-ancestors 'none'", "x-frame-options: deny",
            ] {
                #expect(text.contains(field), "\(field)")
            }
            #expect(!text.contains("set-cookie") && !text.contains("<script"))
        }
    }
}
