import Foundation
import TestSupport
import Testing

/// A mail server of another project, with mailboxes, passwords and a policy server, in namespaces of its own: nothing of it
/// is seen by this machine, and nothing is left of it.
///
/// Needs root, and what `.ci/peers` unpacks. Scripts/relays has the configurations.
final class RelayPeer: Sendable {
    /// Which server.
    enum Kind: String, CaseIterable, Sendable {
        case postfix
        case exim
        case opensmtpd

        /// Whether EHLO offers SMTPUTF8.
        var hasSMTPUTF8: Bool { self != .opensmtpd }

        /// The mechanism by which a password is best proved to it.
        var mechanism: String { self == .postfix ? "SCRAM-SHA-256" : "PLAIN" }
    }

    /// Where `.ci/peers` puts the programs.
    static let programs: String? = {
        let named = ProcessInfo.processInfo.environment["WARDPOST_PEERS"]
        return [named, Places.repository + "/.build-test/peers"].compactMap { $0.map { $0 + "/root" } }
            .first { FileManager.default.fileExists(atPath: $0) }
    }()
    /// Those whose programs are there.
    static let kinds = Kind.allCases.filter { kind in
        let wanted =
            switch kind {
            case .postfix: ["/usr/sbin/postgrey"]
            case .exim: ["/usr/sbin/exim4", "/usr/sbin/greylistd"]
            case .opensmtpd: ["/usr/sbin/smtpd"]
            }
        return wanted.allSatisfy { FileManager.default.isExecutableFile(atPath: (programs ?? "") + $0) }
    }
    static let isThere =
        Places.isRoot && !kinds.isEmpty && Places.have("postfix", "saslpasswd2", "unshare", "python3", "perl")
    /// What a test without it says.
    static let needs: Comment = "needs root, postfix, sasl2-bin and .ci/peers, as `make test` has them"

    let kind: Kind
    /// Where it takes STARTTLS.
    let port: Int
    /// Where TLS starts with the first byte.
    let implicitPort: Int
    /// Where it takes STARTTLS, and only those who show a certificate.
    let mutualPort: Int
    private let directory: TemporaryDirectory
    private let cell: Program

    /// Starts one that shows a certificate, and trusts those that a root vouches for.
    init(_ kind: Kind, _ certificate: CertificateFiles, clients: String) async throws {
        self.kind = kind
        directory = try TemporaryDirectory()
        let ports = [try Places.freePort(), try Places.freePort(), try Places.freePort()]
        (port, implicitPort, mutualPort) = (ports[0], ports[1], ports[2])
        try FileManager.default.copyItem(atPath: certificate.chain, toPath: directory.path("relay.pem"))
        try FileManager.default.copyItem(atPath: certificate.key, toPath: directory.path("relay.key"))
        try FileManager.default.copyItem(atPath: clients, toPath: directory.path("clients.pem"))
        cell = try Program(
            [
                "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh",
                Places.script("relays/cell.sh"), kind.rawValue, directory.path, Self.programs ?? "",
            ] + ports.map(String.init)
        )
        for port in ports {
            try await eventually("\(kind) greets on \(port)", within: .seconds(60)) { [cell] in
                guard !cell.hasEnded else {
                    throw Program.Failure(description: "\(kind) ended: \(cell.output) \(cell.errors)")
                }
                return connects(to: port)
            }
        }
    }

    /// Makes a site with three routes to it: `main`, `implicit`, and `mutual`, where a certificate stands for the password.
    func site(
        trusting root: String,
        as client: CertificateFiles,
        password: String = "pencil & paper"
    ) async throws -> Site {
        let secret = """
                own: true
                auth: {username: sender, password_file: keys/relay-password}
                connections: 20

            """
        let certificate = """
                own: true
                client_certificate: keys/client.pem
                client_key: keys/client.key

            """
        let external = kind == .exim ? "    auth: {mechanism: EXTERNAL}\n" : ""
        func route(_ name: String, _ port: Int, _ tls: String, _ proof: String) -> String {
            "  \(name):\n    relay: localhost:\(port)\n    tls: \(tls)\n    ca: relay-ca.pem\n" + proof
        }
        let others =
            route("implicit", implicitPort, "implicit", secret)
            + route("mutual", mutualPort, "starttls", certificate + external)
        let site = try await Site(Site.Settings(relayPort: port, ca: root, route: secret + others))
        try site.write("keys/relay-password", password + "\n")
        try FileManager.default.copyItem(atPath: client.chain, toPath: site.path + "/keys/client.pem")
        try FileManager.default.copyItem(atPath: client.key, toPath: site.path + "/keys/client.key")
        for file in ["relay-password", "client.key"] { try site.chmod("keys/" + file, 0o600) }
        return site
    }

    /// Its log, mailboxes and queue, which only its own namespace and this way show.
    private var inside: String { "/proc/\(cell.pid)/root\(directory.path)/fast" }

    /// What it says became of the messages, once all that it delivers is delivered.
    func account(within limit: Duration = .seconds(120)) async throws -> Account {
        let end = ContinuousClock.now + limit
        while true {
            let text = try await Program.output(["python3", Places.script("account.py"), kind.rawValue, inside])
            let account = try JSONDecoder().decode(Account.self, from: Data(text.utf8))
            let isQuiet = account.mailboxes.count + account.queue.count == account.accepted.count && account.rest == 0
            if isQuiet || ContinuousClock.now > end { return account }
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// What a server said of its messages; see Scripts/account.py.
    struct Account: Decodable, Sendable {
        /// A message that it took, by its log.
        struct Accepted: Decodable, Sendable {
            var recipient: String
            /// Empty where the log does not have it.
            var message_id: String
            var queue_id: String
        }

        /// A message that lies in a mailbox or in the queue, as Python's parser reads it.
        struct Kept: Decodable, Sendable {
            var recipient: String
            var message_id: String
            /// By its Received field.
            var queue_id: String
            /// What its text calls the row's key.
            var reference: String
            /// Whether its Received field tells of TLS.
            var tls: Bool
        }

        var accepted: [Accepted]
        /// How often a recipient's mailbox got one, by the log.
        var delivered: [String: Int]
        /// The permanent refusals by recipient; under "" those whose recipient the log does not say.
        var refused: [String: [String]]
        /// The temporary refusals by recipient.
        var deferred: [String: [String]]
        /// How often which mechanism let the sender in.
        var logins: [String: Int]
        var mailboxes: [Kept]
        var queue: [Kept]
        /// Files of the queue that belong to messages that should be gone.
        var rest: Int
    }
}
