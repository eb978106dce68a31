import Core
import Files
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import OpenSSL
import TestSupport
import Testing

@testable import Tracking

/// A tracking server without TLS, and its events.
struct Served {
    let events: EventsFolder
    let log: EventLog
    let server: TrackingServer

    init(baseURL: BaseURL = Fixture.baseURL, siteName: String = "Riverside <Clinic>") throws {
        events = try EventsFolder()
        log = try events.log()
        let authority = try CertificateAuthority(commonName: "Test", notBefore: 0, notAfter: 4_000_000_000)
        let issued = try authority.issue(
            CertificateRequest(names: ["localhost"], notBefore: 0, notAfter: 4_000_000_000)
        )
        server = try TrackingServer(
            .init(
                host: "127.0.0.1",
                port: 0,
                certificatePEM: issued.chainPEM,
                keyPEM: issued.keyPEM,
                baseURL: baseURL,
                keys: Fixture.keys,
                siteName: siteName
            ),
            log: log,
            clock: { Fixture.noon }
        )
    }

    /// Makes one request; the answer.
    func request(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ headers: HTTPFields = [:],
        body: String? = nil,
        over transport: TestingSetup = .router
    ) async throws -> TestResponse {
        try await server.application().test(transport) { client in
            try await client.execute(
                uri: path,
                method: method,
                headers: headers,
                body: body.map { ByteBuffer(string: $0) }
            )
        }
    }

}

private func path(_ kind: Character, _ token: [UInt8]) -> String {
    "/\(kind)/" + String(decoding: token, as: UTF8.self) + (kind == "o" ? ".gif" : "")
}

private let open = path("o", Fixture.openToken())
private let click = path("c", Fixture.clickToken())
private let unsubscribe = path("u", Fixture.unsubscribeToken())

@Suite("Tracking server")
struct ServerTests {
    @Test("an open gets a transparent picture of 43 bytes and is one event")
    func opens() async throws {
        let served = try Served()
        let answer = try await served.request(.get, open, [.userAgent: "Mail/1"])
        #expect(answer.status == .ok)
        #expect(answer.headers[.contentType] == "image/gif")
        #expect(answer.body.readableBytes == 43)
        #expect(String(buffer: answer.body.getSlice(at: 0, length: 6)!) == "GIF89a")
        #expect(answer.headers[.cacheControl]?.contains("no-store") == true)
        let events = try served.events.events()
        #expect(
            events == [
                Event(
                    .open,
                    job: Fixture.job,
                    row: RowNumber(7),
                    milliseconds: Fixture.noon,
                    why: "request",
                    method: "GET",
                    agent: "Mail/1"
                )
            ]
        )
    }

    @Test("a click goes to the link of the message and is one event")
    func clicks() async throws {
        let served = try Served()
        let answer = try await served.request(.get, click)
        #expect(answer.status == .found)
        #expect(answer.headers[.location] == Fixture.target)
        #expect(answer.headers[.init("Referrer-Policy")!] == "no-referrer")
        #expect(answer.headers[.cacheControl]?.contains("no-store") == true)
        let events = try served.events.events()
        #expect(events.count == 1)
        #expect(events.first?.kind == .click)
        #expect(events.first?.link == 2)
    }

    @Test(
        "nothing in a request can change where a click goes",
        arguments: [
            "?url=https://evil.example", "?to=//evil.example", "#https://evil.example", "?", "??",
        ]
    )
    func redirects(suffix: String) async throws {
        let answer = try await Served().request(
            .get,
            click + suffix,
            [.init("X-Forwarded-Host")!: "evil.example", .init("X-Original-URL")!: "https://evil.example"]
        )
        #expect(answer.headers[.location] == Fixture.target)
    }

    @Test(
        "a GET of the unsubscribe page shows a form and changes nothing",
        arguments: [
            HTTPRequest.Method.get, .head,
        ]
    )
    func unsubscribePage(method: HTTPRequest.Method) async throws {
        let served = try Served()
        let answer = try await served.request(method, unsubscribe)
        #expect(answer.status == .ok)
        #expect(answer.headers[.contentType] == "text/html; charset=utf-8")
        #expect(answer.headers[.setCookie] == nil)
        #expect(try served.events.events().isEmpty)
        let html = String(buffer: answer.body)
        if method == .get {
            #expect(html.contains("<form method=\"post\">"))
            #expect(html.contains("newsletter"))
            #expect(html.contains("Riverside &lt;Clinic&gt;"))
            #expect(!html.contains("<script"))
            #expect(!html.contains("ada@"))
        } else {
            #expect(html.isEmpty)
        }
    }

    @Test("the page's style is the one that its policy names")
    func policy() async throws {
        let answer = try await Served().request(.get, unsubscribe)
        let html = String(buffer: answer.body)
        let style = html.split(separator: "<style>")[1].split(separator: "</style>")[0]
        let digest = Base64.encode(SHA256.hash(Array(style.utf8)))
        let policy = try #require(answer.headers[.contentSecurityPolicy])
        #expect(policy.contains("default-src 'none'; style-src 'sha256-\(digest)'; form-action 'self'"))
        #expect(answer.headers[.xContentTypeOptions] == "nosniff")
    }

    @Test(
        "a POST to the unsubscribe page acts, however it is made",
        arguments: [
            ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded", "one-click"),
            (
                "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n",
                "multipart/form-data; boundary=x", "one-click"
            ),
            ("confirm=yes", "application/x-www-form-urlencoded", "form"), ("", "text/plain", "post"),
        ]
    )
    func posts(body: String, type: String, why: String) async throws {
        let served = try Served()
        let answer = try await served.request(.post, unsubscribe, [.contentType: type], body: body)
        #expect(answer.status == .ok)
        #expect(String(buffer: answer.body).contains("You are unsubscribed"))
        let events = try served.events.events()
        #expect(events.count == 1)
        #expect(events.first?.kind == .unsubscribe)
        #expect(events.first?.why == why)
        #expect(events.first?.list == "newsletter")
        #expect(events.first?.tag == Fixture.tagger.tag(of: Fixture.address("ada@x.example")))
    }

    @Test("after a POST the mailbox gets no more of the list")
    func honoured() async throws {
        let served = try Served()
        let outbox = try TemporaryDirectory()
        var list = SuppressionList(
            outbox: try .init(path: outbox.path),
            key: Fixture.suppressionKey,
            events: served.events.reader()
        )
        try list.refresh()
        let before = list.reason(for: Fixture.address("ada@x.example"), list: "newsletter")
        #expect(before == nil)
        _ = try await served.request(.post, unsubscribe, body: "List-Unsubscribe=One-Click")
        try list.refresh()
        let after = list.reason(for: Fixture.address("Ada@X.example"), list: "newsletter")
        #expect(after == .optedOut)
    }

    @Test(
        "HEAD and prefetch are recorded as a program's",
        arguments: [
            ("HEAD", "", "", "head"), ("GET", "Purpose", "prefetch", "prefetch"),
            ("GET", "Sec-Purpose", "prefetch", "prefetch"), ("GET", "X-Moz", "prefetch", "prefetch"),
            ("GET", "X-Purpose", "preview", "preview"),
        ]
    )
    func automated(method: String, header: String, value: String, why: String) async throws {
        let served = try Served()
        var headers = HTTPFields()
        if let name = HTTPField.Name(header) { headers[name] = value }
        for path in [open, click] { _ = try await served.request(.init(method)!, path, headers) }
        let events = try served.events.events()
        #expect(events.map(\.audience) == [.automated, .automated])
        #expect(events.map(\.why) == [why, why])
        var activity = JobActivity(job: Fixture.job)
        for event in events { activity.apply(event) }
        #expect(activity[RowNumber(7)].opens.count == 0)
        #expect(activity[RowNumber(7)].clicks.count == 0)
    }

    @Test("HEAD is answered like GET without the body", arguments: [open, click, unsubscribe, "/healthz"])
    func head(path: String) async throws {
        let served = try Served()
        let got = try await served.request(.get, path)
        let head = try await served.request(.head, path)
        #expect(head.status == got.status)
        #expect(head.body.readableBytes == 0)
        #expect(head.headers[.location] == got.headers[.location])
        #expect(head.headers[.contentLength] == got.headers[.contentLength])
    }

    @Test(
        "what is not exactly one of ours gets the same 404 and no event",
        arguments: [
            "/", "/o/", "/o/.gif", "/c/", "/u/", "/o/abc.gif", "/c/abc", "/u/abc", "/o/../c/x", "/../../etc/passwd",
            "/o/%2e%2e/%2e%2e/etc/passwd.gif", "/favicon.ico", "/robots.txt", "//", "/healthz/", "/healthzz",
            "/O/x.gif",
            open.replacingOccurrences(of: ".gif", with: ""), open + "/", click + "/", click + "%00", click + ".gif",
            click.replacingOccurrences(of: "/c/", with: "/u/"),
            unsubscribe.replacingOccurrences(of: "/u/", with: "/c/"),
            "/o" + click.dropFirst(2) + ".gif", "/c/" + String(repeating: "A", count: 9_000), "/c/ä", "/c/%",
        ]
    )
    func unknown(path: String) async throws {
        let served = try Served()
        let answer = try await served.request(.get, path)
        #expect(answer.status == .notFound)
        #expect(String(buffer: answer.body) == Pages(siteName: "Riverside <Clinic>").unknown(.english))
        #expect(answer.headers[.location] == nil)
        #expect(try served.events.events().isEmpty)
    }

    @Test("a changed token gets 404", arguments: [open, click, unsubscribe])
    func changed(path: String) async throws {
        let served = try Served()
        for index in [3, 4, 10, 30, 50] {
            var text = Array(path)
            text[index] = text[index] == "x" ? "y" : "x"
            #expect(try await served.request(.get, String(text)).status == .notFound)
            #expect(try await served.request(.post, String(text)).status != .ok)
        }
        #expect(try served.events.events().isEmpty)
    }

    @Test(
        "other methods are refused and do nothing",
        arguments: [
            HTTPRequest.Method.options, .put, .delete, .patch, .trace, .connect, .init("BREW")!,
        ]
    )
    func methods(method: HTTPRequest.Method) async throws {
        let served = try Served()
        for path in [open, click, unsubscribe, "/healthz"] {
            let answer = try await served.request(method, path)
            #expect(answer.status == .methodNotAllowed)
            #expect(answer.headers[.allow] == (path == unsubscribe ? "GET, HEAD, POST" : "GET, HEAD"))
        }
        for path in [open, click] { #expect(try await served.request(.post, path).status == .methodNotAllowed) }
        #expect(try served.events.events().isEmpty)
    }

    @Test("a body larger than a form's is refused and does nothing")
    func largeBody() async throws {
        let served = try Served()
        let body = "List-Unsubscribe=One-Click&x=" + String(repeating: "x", count: 5_000)
        let answer = try await served.request(.post, unsubscribe, body: body)
        #expect(answer.status == .contentTooLarge)
        #expect(try served.events.events().isEmpty)
    }

    @Test(
        "the page speaks the reader's language",
        arguments: [
            ("es", "es"), ("es-MX,en;q=0.5", "es"), ("en;q=0.9, es;q=0.8", "en"), ("fr, es;q=0.1", "es"), ("fr", "en"),
            ("", "en"), ("es;q=0", "en"), ("ES", "es"), ("es;q=x", "en"), (";;;,,,q=", "en"),
        ]
    )
    func languages(header: String, language: String) async throws {
        let answer = try await Served().request(.get, unsubscribe, [.acceptLanguage: header])
        #expect(String(buffer: answer.body).contains("<html lang=\"\(language)\">"))
    }

    @Test("a request that names the whole URL is answered like one that names the path")
    func absoluteForm() async throws {
        let served = try Served()
        #expect(try await served.request(.get, "https://t.clinic.example" + open).status == .ok)
        #expect(try await served.request(.get, "https://evil.example" + click).headers[.location] == Fixture.target)
    }

    @Test("paths stand behind the base URL's")
    func basePath() async throws {
        let served = try Served(baseURL: BaseURL("https://clinic.example/mail/")!)
        #expect(try await served.request(.get, "/mail" + open).status == .ok)
        #expect(try await served.request(.get, open).status == .notFound)
        #expect(try await served.request(.get, "/mail/healthz").status == .ok)
    }

    @Test("an event that cannot be kept is the operator's fault, not the reader's; an opt-out is not claimed")
    func notDurable() async throws {
        let clock = ManualClock()
        let events = try EventsFolder()
        let log = try events.log(clock: { clock.now })
        let responder = TrackingResponder(
            path: "",
            seal: TokenSeal(Fixture.keys),
            log: log,
            classifier: Classifier(),
            pages: Pages(siteName: ""),
            clock: { clock.now }
        )
        // The next day's file cannot be made where there is no directory.
        try FileManager.default.removeItem(atPath: events.temporary.path)
        clock.advance(86_400_000)
        try await Application(responder: responder).test(.router) { client in
            let before = try await client.execute(uri: "/healthz", method: .get)
            #expect(before.status == .ok)
            #expect(String(buffer: before.body) == "ok\n")
            #expect(try await client.execute(uri: open, method: .get).status == .ok)
            #expect(try await client.execute(uri: click, method: .get).headers[.location] == Fixture.target)
            let optOut = try await client.execute(uri: unsubscribe, method: .post)
            #expect(optOut.status == .serviceUnavailable)
            #expect(String(buffer: optOut.body).contains("Please try again"))
            let after = try await client.execute(uri: "/healthz", method: .get)
            #expect(after.status == .serviceUnavailable)
            #expect(String(buffer: after.body) == "events not recorded: 3\n")
        }
    }

    @Test("1,000 requests at once are 1,000 events", .timeLimit(.minutes(2)))
    func concurrent() async throws {
        let served = try Served()
        try await served.server.application().test(.router) { client in
            try await withThrowingTaskGroup { group in
                for row in 1...1_000 as ClosedRange<UInt32> {
                    group.addTask {
                        let token = String(decoding: Fixture.openToken(row), as: UTF8.self)
                        return try await client.execute(uri: "/o/\(token).gif", method: .get).status
                    }
                }
                for try await status in group { #expect(status == .ok) }
            }
        }
        let rows = try served.events.events().map(\.row.value)
        #expect(rows.count == 1_000)
        #expect(Set(rows) == Set(1...1_000))
    }

    @Test("link scanners that fetch everything unsubscribe nobody")
    func scanners() async throws {
        let served = try Served()
        try await served.server.application().test(.router) { client in
            for row in 1...200 as ClosedRange<UInt32> {
                let token = String(decoding: Fixture.unsubscribeToken(row), as: UTF8.self)
                for method in [HTTPRequest.Method.head, .get] {
                    let status = try await client.execute(uri: "/u/\(token)", method: method).status
                    #expect(status == .ok)
                }
            }
        }
        #expect(try served.events.events().isEmpty)
    }

    @Test(
        "a certificate or key that is none, or another's, is refused with a sentence",
        arguments: [
            ("certificate", "is no PEM certificate chain"), ("empty", "is no PEM certificate chain"),
            ("key", "is no PEM private key"),
            ("pair", "does not belong to its certificate"),
        ]
    )
    func badCertificate(bad: String, sentence: String) throws {
        let events = try EventsFolder()
        let authority = try CertificateAuthority(commonName: "Test", notBefore: 0, notAfter: 4_000_000_000)
        let issued = try authority.issue(
            CertificateRequest(names: ["localhost"], notBefore: 0, notAfter: 4_000_000_000)
        )
        let other = try authority.issue(
            CertificateRequest(names: ["localhost"], notBefore: 0, notAfter: 4_000_000_000)
        )
        let noise = Array("-----BEGIN CERTIFICATE-----\nno PEM\n-----END CERTIFICATE-----\n".utf8)
        let options = TrackingServer.Options(
            host: "127.0.0.1",
            port: 0,
            certificatePEM: bad == "certificate" ? noise : bad == "empty" ? [] : issued.chainPEM,
            keyPEM: bad == "key" ? SecretBytes(copying: noise) : bad == "pair" ? other.keyPEM : issued.keyPEM,
            baseURL: Fixture.baseURL,
            keys: Fixture.keys
        )
        let log = try events.log()
        let error = #expect(throws: TrackingServer.Refused.self) { try TrackingServer(options, log: log) }
        #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
    }
}
