import Foundation
import TestSupport

/// A sending site with lists, and a tracking host of its own that knows no more than it must.
struct TwoHosts {
    let authority: Authority
    /// Where all mail ends up.
    let maildir: String
    /// The receiving server, which ends with the last reference to it.
    private let relay: any Sendable
    let site: Site
    let host: TemporaryDirectory
    let port: Int
    /// What the tracking host shows.
    let certificate: CertificateFiles
    let serve: Program

    /// Two hosts before a receiving server in this process.
    init() async throws {
        let authority = try Authority()
        let sink = try await Sink(authority)
        try await self.init(authority, relay: sink, port: sink.port, maildir: sink.folder)
    }

    /// Two hosts before a Postfix.
    init(postfix authority: Authority) async throws {
        let postfix = try await PostfixPeer([.init(certificate: try authority.issue().both)])
        try await self.init(authority, relay: postfix, port: postfix.ports[0], maildir: postfix.maildir)
    }

    private init(_ authority: Authority, relay: any Sendable, port relayPort: Int, maildir: String) async throws {
        self.authority = authority
        self.relay = relay
        self.maildir = maildir
        port = try Places.freePort()
        certificate = try authority.issue()
        var settings = Site.Settings(relayPort: relayPort, ca: authority.file, settle: 1)
        settings.tracking = Site.Tracking(port: port, certificate: certificate)
        settings.more = """
            lists:
              news: {title: {en: Winter news, es: Noticias de invierno}}
            subscribe:
              lists: [news, flu]
              from: Clinic of the Tests <news@clinic.test>
              per_visitor: 40

            """
        site = try await Site(settings)
        let files = FileManager.default
        for name in try files.contentsOfDirectory(atPath: Places.repository + "/templates") {
            try? files.removeItem(atPath: site.path + "/templates/" + name)
            try files.copyItem(
                atPath: Places.repository + "/templates/" + name,
                toPath: site.path + "/templates/" + name
            )
        }
        host = try TemporaryDirectory()
        for name in ["keys", "outbox", "outbox/events"] {
            try files.createDirectory(
                atPath: host.path(name),
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        }
        for name in [
            "wardpost.yaml", "relay-ca.pem", "keys/tracking.key", "keys/subscribe.pub.pem", "keys/tracker.pem",
            "keys/tracker.key",
        ] {
            try files.copyItem(atPath: site.path + "/" + name, toPath: host.path(name))
        }
        serve = try Program([Places.wardpost, "--site", host.path, "serve"])
        let (port, web) = (port, Web(ca: authority.file))
        try await eventually("the tracking host answers") {
            (try? await web.request("GET", "https://localhost:\(port)/healthz"))?.status == 200
        }
    }

    /// Where the tracking host is.
    var base: String { "https://localhost:\(port)" }

    /// Brings the events over, as an operator's rsync does.
    func bring() throws {
        let files = FileManager.default
        try files.createDirectory(
            atPath: site.path + "/outbox/events",
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        for name in try files.contentsOfDirectory(atPath: host.path("outbox/events")) {
            let to = site.path + "/outbox/events/" + name
            let temporary = to + ".coming"
            try? files.removeItem(atPath: temporary)
            try files.copyItem(atPath: host.path("outbox/events/" + name), toPath: temporary)
            _ = unsafe rename(temporary, to)
        }
    }

    func post(_ path: String, _ body: String) async throws -> (status: Int, body: String) {
        try await Web(ca: authority.file).request("POST", base + path, body: body)
    }

    func mails(to address: String) async throws -> [Mail] {
        try await Mail.read(maildir).filter { $0.to.first?.address == address }
    }

    /// The link in the latest message to somebody.
    func link(_ address: String) async throws -> String {
        try Self.link(base + "/y/", in: try await mails(to: address).last)
    }

    /// The address in a message's text that begins so.
    static func link(_ beginning: String, in mail: Mail?) throws -> String {
        guard let text = mail?.text, let start = text.range(of: beginning) else {
            throw Program.Failure(description: "there is no message with a link to \(beginning)")
        }
        return String(text[start.lowerBound...].prefix { !$0.isWhitespace && $0 != ">" && $0 != ")" })
    }

    /// Everything that the tracking host has on its disk.
    func diskOfTheHost() throws -> [(name: String, bytes: Data)] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: host.path)
        return names.compactMap { name in
            (try? Data(contentsOf: URL(fileURLWithPath: host.path(name)))).map { (name, $0) }
        }
    }

    /// The addresses on a list.
    func table(_ list: String) -> [String] {
        let text = (try? site.text("outbox/lists/\(list).csv")) ?? ""
        return text.split(whereSeparator: \.isNewline).dropFirst().map { String($0.prefix { $0 != "," }) }
    }
}
