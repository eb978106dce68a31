import Core
import Files
import Foundation
import OpenSSL
import TestSupport
import Testing
import Web

@testable import Tracking

/// A tracking server without TLS, and its events.
struct Served {
    let events: EventsFolder
    let log: EventLog
    let server: TrackingServer

    init(
        baseURL: BaseURL = Fixture.baseURL,
        more: [BaseURL] = [],
        siteName: String = "Riverside <Clinic>",
        lists: [OfferedList] = [],
        clock: @escaping @Sendable () -> Int64 = { Fixture.noon }
    ) throws {
        events = try EventsFolder()
        log = try events.log(clock: clock)
        let authority = try CertificateAuthority(commonName: "Test", notBefore: 0, notAfter: 4_000_000_000)
        let issued = try authority.issue(
            CertificateRequest(names: ["localhost"], notBefore: 0, notAfter: 4_000_000_000)
        )
        var options = TrackingServer.Options(
            host: "127.0.0.1",
            port: 0,
            hosts: ([baseURL] + more).map {
                .init(baseURL: $0, certificatePEM: issued.chainPEM, keyPEM: issued.keyPEM)
            },
            keys: Fixture.keys,
            siteName: siteName
        )
        options.lists = lists
        server = try TrackingServer(options, log: log, clock: clock)
    }

    /// Makes one request; the answer.
    func request(
        _ method: WebRequest.Method,
        _ path: String,
        _ headers: [String: String] = [:],
        body: String = "",
        methodName: String? = nil
    ) async throws -> WebAnswer {
        let fields = headers.map { (name: $0.key, value: $0.value) }
        return try await answer(
            WebRequest(method, path, methodName: methodName, headers: fields, body: body)
        )
    }

    /// Makes one request; the answer.
    func answer(_ request: WebRequest) async throws -> WebAnswer {
        switch server.site.reply(to: request) {
        case .answer(let answer): return answer
        case .unknown: preconditionFailure("the site has a page for what it does not know")
        case .record(let events, let done, let failed):
            do {
                for event in events { try await log.append(event) }
            } catch {
                return failed
            }
            return done
        }
    }
}

extension WebAnswer {
    var text: String { String(decoding: body, as: UTF8.self) }
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
        let answer = try await served.request(.get, open, ["user-agent": "Mail/1"])
        #expect(answer.status == 200)
        #expect(answer["content-type"] == "image/gif")
        #expect(answer.body.count == 43)
        #expect(String(answer.text.prefix(6)) == "GIF89a")
        #expect(answer["cache-control"]?.contains("no-store") == true)
        var expected = Event(
            .open,
            job: Fixture.job,
            row: RowNumber(7),
            milliseconds: Fixture.noon,
            why: "request",
            method: "GET",
            agent: "Mail/1"
        )
        VisitorNotes(Fixture.keys).note(ClientAddress("127.0.0.1"), on: &expected)
        let events = try served.events.events()
        #expect(events == [expected])
        #expect(events.first?.visitor != nil)
        #expect(events.first?.address == nil)
    }

    @Test("a click goes to the link of the message and is one event")
    func clicks() async throws {
        let served = try Served()
        let answer = try await served.request(.get, click)
        #expect(answer.status == 302)
        #expect(answer["location"] == Fixture.target)
        #expect(answer["referrer-policy"] == "no-referrer")
        #expect(answer["cache-control"]?.contains("no-store") == true)
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
            ["x-forwarded-host": "evil.example", "x-original-url": "https://evil.example"]
        )
        #expect(answer["location"] == Fixture.target)
    }

    @Test(
        "a GET of the unsubscribe page shows a form and changes nothing",
        arguments: [
            WebRequest.Method.get, .head,
        ]
    )
    func unsubscribePage(method: WebRequest.Method) async throws {
        let served = try Served()
        let answer = try await served.request(method, unsubscribe)
        #expect(answer.status == 200)
        #expect(answer["content-type"] == "text/html; charset=utf-8")
        #expect(answer["set-cookie"] == nil)
        #expect(try served.events.events().isEmpty)
        let html = answer.text
        #expect(html.contains("<form method=\"post\">"))
        #expect(html.contains("newsletter"))
        #expect(html.contains("Riverside &lt;Clinic&gt;"))
        #expect(!html.contains("<script"))
        #expect(!html.contains("ada@"))
    }

    @Test("the page's style is the one that its policy names")
    func policy() async throws {
        let answer = try await Served().request(.get, unsubscribe)
        let html = answer.text
        let style = html.split(separator: "<style>")[1].split(separator: "</style>")[0]
        let digest = Base64.encode(SHA256.hash(Array(style.utf8)))
        let policy = try #require(answer["content-security-policy"])
        #expect(policy.contains("default-src 'none'; style-src 'sha256-\(digest)'; form-action 'self'"))
        #expect(answer["x-content-type-options"] == "nosniff")
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
        let answer = try await served.request(.post, unsubscribe, ["content-type": type], body: body)
        #expect(answer.status == 200)
        #expect(answer.text.contains("You are unsubscribed"))
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
        let before = try list.reason(for: Fixture.address("ada@x.example"), list: "newsletter")
        #expect(before == nil)
        _ = try await served.request(.post, unsubscribe, body: "List-Unsubscribe=One-Click")
        try list.refresh()
        let after = try list.reason(for: Fixture.address("Ada@X.example"), list: "newsletter")
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
        let headers = header.isEmpty ? [:] : [header.lowercased(): value]
        for path in [open, click] { _ = try await served.request(method == "HEAD" ? .head : .get, path, headers) }
        let events = try served.events.events()
        #expect(events.map(\.audience) == [.automated, .automated])
        #expect(events.map(\.why) == [why, why])
        var activity = JobActivity(job: Fixture.job)
        for event in events { activity.apply(event) }
        #expect(activity[RowNumber(7)].opens.count == 0)
        #expect(activity[RowNumber(7)].clicks.count == 0)
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
        #expect(answer.status == 404)
        #expect(answer.text == Pages(siteName: "Riverside <Clinic>").unknown(.of(.english)))
        #expect(answer["location"] == nil)
        #expect(try served.events.events().isEmpty)
    }

    @Test("a changed token gets 404", arguments: [open, click, unsubscribe])
    func changed(path: String) async throws {
        let served = try Served()
        for index in [3, 4, 10, 30, 50] {
            var text = Array(path)
            text[index] = text[index] == "x" ? "y" : "x"
            #expect(try await served.request(.get, String(text)).status == 404)
            #expect(try await served.request(.post, String(text)).status != 200)
        }
        #expect(try served.events.events().isEmpty)
    }

    @Test(
        "other methods are refused and do nothing",
        arguments: [
            "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW",
        ]
    )
    func methods(method: String) async throws {
        let served = try Served()
        for path in [open, click, unsubscribe, "/healthz"] {
            let answer = try await served.request(.other, path, methodName: method)
            #expect(answer.status == 405)
            #expect(answer["allow"] == (path == unsubscribe ? "GET, HEAD, POST" : "GET, HEAD"))
        }
        for path in [open, click] { #expect(try await served.request(.post, path).status == 405) }
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
        let answer = try await Served().request(.get, unsubscribe, ["accept-language": header])
        #expect(answer.text.contains("<html lang=\"\(language)\">"))
    }

    @Test("paths stand behind the base URL's")
    func basePath() async throws {
        let served = try Served(baseURL: BaseURL("https://clinic.example/mail/")!)
        #expect(try await served.request(.get, "/mail" + open).status == 200)
        #expect(try await served.request(.get, open).status == 404)
        #expect(try await served.request(.get, "/mail/healthz").status == 200)
    }

    @Test("several hosts have their paths behind their own base URLs")
    func severalHosts() async throws {
        let served = try Served(more: [BaseURL("https://T.other.example:8443/m")!])
        #expect(try await served.request(.get, open, ["host": "t.clinic.example"]).status == 200)
        #expect(try await served.request(.get, "/m" + open, ["host": "t.other.example:8443"]).status == 200)
        #expect(try await served.request(.get, open, ["host": "t.other.example"]).status == 404)
        #expect(try await served.request(.get, open, ["host": "10.0.0.1"]).status == 200)
    }

    @Test("an event that cannot be kept is the operator's fault, not the reader's; an opt-out is not claimed")
    func notDurable() async throws {
        let clock = ManualClock()
        let served = try Served(clock: { clock.now })
        // The next day's file cannot be made where there is no directory.
        try FileManager.default.removeItem(atPath: served.events.temporary.path)
        clock.advance(86_400_000)
        let before = try await served.request(.get, "/healthz")
        #expect(before.status == 200)
        #expect(before.text == "ok\n")
        #expect(try await served.request(.get, open).status == 200)
        #expect(try await served.request(.get, click)["location"] == Fixture.target)
        let optOut = try await served.request(.post, unsubscribe)
        #expect(optOut.status == 503)
        #expect(optOut.text.contains("Please try again"))
        let after = try await served.request(.get, "/healthz")
        #expect(after.status == 503)
        #expect(after.text == "events not recorded: 3\n")
    }

    @Test("link scanners that fetch everything unsubscribe nobody")
    func scanners() async throws {
        let served = try Served()
        for row in 1...1_000 as ClosedRange<UInt32> {
            let token = String(decoding: Fixture.unsubscribeToken(row), as: UTF8.self)
            for method in [WebRequest.Method.head, .get] {
                for path in ["/u/\(token)", "/p/\(token)", "/p/\(token)?all=stop&list.newsletter=stop&confirm=yes"] {
                    #expect(try await served.request(method, path).status == 200)
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
