import Core
import Foundation
import Glibc
import OpenSSL
import TestSupport
import Testing

@testable import Delivery

/// AUTH against implementations that are not ours: Postfix, which asks Dovecot.
@Suite("AUTH with Postfix and Dovecot", .serialized, .timeLimit(.minutes(1)), .enabled(if: SASLServer.isThere))
struct SASLPeerTests {
    private func send(_ server: SASLServer, _ credentials: RouteSettings.Credentials) async throws -> (
        RouteEnd, ListSource
    ) {
        let source = ListSource(3)
        var route = RouteSettings(
            name: "main",
            host: Certificates.host,
            port: server.port,
            trust: Certificates.trust,
            credentials: credentials,
            connections: 1,
            heloName: "mail.riverside.example",
            dial: .init(address: "127.0.0.1", port: server.port)
        )
        route.limits.firstDelay = .milliseconds(1)
        route.timeouts = .all(.seconds(10))
        return (try await source.send(over: route), source)
    }

    @Test("Every mechanism that both have is taken, and a wrong secret stops the route after one try")
    func mechanisms() async throws {
        let server = try await SASLServer()
        let password = RouteSettings.Credentials.Secret.password(Protected("pencil"))
        let token = server.token(for: "user", seconds: 3_600)
        let tokens = { RouteSettings.Credentials.Secret.token(ListTokens([.success(token)])) }
        let cases: [(Mechanism?, RouteSettings.Credentials.Secret, String)] = [
            (nil, password, "SCRAM-SHA-256"), (.plain, password, "PLAIN"), (.login, password, "LOGIN"),
            (.scramSHA256, password, "SCRAM-SHA-256"), (nil, tokens(), "OAUTHBEARER"), (.xoauth2, tokens(), "XOAUTH2"),
        ]
        for (mechanism, secret, name) in cases {
            let (end, source) = try await send(server, .init(username: "user", secret: secret, mechanism: mechanism))
            #expect(end == .finished, "\(name): \(end)\n\(server.log)")
            #expect(source.results.values.count { $0.verdict == .accepted } == 3, "\(name)")
            try await server.eventually { server.log.contains("sasl_method=\(name), sasl_username=user") }
        }
        let wrong = RouteSettings.Credentials.Secret.password(Protected("pen"))
        let ended = server.token(for: "user", seconds: -3_600)
        let refused: [(Mechanism?, RouteSettings.Credentials.Secret)] = [
            (.scramSHA256, wrong), (.plain, wrong), (.login, wrong),
            (.oauthBearer, .token(ListTokens([.success(ended)]))), (.xoauth2, .token(ListTokens([.success(ended)]))),
        ]
        for (mechanism, secret) in refused {
            let before = server.failures
            let (end, source) = try await send(server, .init(username: "user", secret: secret, mechanism: mechanism))
            guard case .stopped(let problem) = end else {
                Issue.record("\(mechanism as Any): \(end)")
                continue
            }
            #expect(problem.reason == .authentication && source.waiting == 3)
            #expect(problem.detail.hasPrefix("535 5.7.8 "), "\(problem.detail)")
            try await server.eventually { server.failures > before }
            #expect(server.failures == before + 1, "\(mechanism as Any)")
        }
        // An old token is replaced, and the rows go.
        let renewed = ListTokens([.success(ended), .success(token)])
        let (end, source) = try await send(server, .init(username: "user", secret: .token(renewed)))
        #expect(end == .finished && source.results.count == 3)
    }
}

/// A Postfix and a Dovecot of the test's own, both in a temporary directory; Dovecot knows the account, Postfix takes mail
/// from nobody else.
///
/// Needs root, as both do.
final class SASLServer {
    private let directory: TemporaryDirectory
    private let dovecot = Process()
    private let postfix = Process()
    private let key = [UInt8]("a key of the test's own, which signs tokens".utf8)
    let port: Int

    static var isThere: Bool {
        getuid() == 0 && Command.exists("postfix") && Command.exists("dovecot")
    }

    var log: String { (try? directory.text("mail.log")) ?? "" }
    /// How often Dovecot said no, as Postfix counts it.
    var failures: Int { log.components(separatedBy: "authentication failed").count - 1 }

    init() async throws {
        directory = try TemporaryDirectory()
        port = try Self.freePort()
        let root = directory.path
        try Self.make(root, 0o755, nil)
        for name in ["etc", "spool"] { try Self.make(root + "/" + name, 0o755, nil) }
        try Self.make(root + "/spool/private", 0o700, "postfix")
        try Self.make(root + "/data", 0o700, "postfix")
        try Self.make(root + "/mail", 0o700, "nobody")
        let certificate = Certificates.good
        try directory.write("etc/server.pem", certificate.keyPEM.exposedCopy() + certificate.chainPEM)
        try directory.write("etc/main.cf", text: Self.main(root))
        try directory.write("etc/master.cf", text: Self.services(port))
        try directory.write("dovecot/users", text: "user:{PLAIN}pencil\n")
        try directory.write("dovecot/keys/default/HS256/default", text: Base64.encode(key))
        try directory.write("dovecot/oauth2.conf", text: Self.oauth(root))
        try directory.write("dovecot/dovecot.conf", text: Self.dovecot(root))
        try Self.make(root + "/dovecot", 0o755, nil)
        try run(dovecot, ["dovecot", "-F", "-c", root + "/dovecot/dovecot.conf"])
        try await eventually { FileManager.default.fileExists(atPath: root + "/spool/private/auth") }
        try run(postfix, ["postfix", "-c", root + "/etc", "start-fg"])
        try await eventually { [port] in Self.connects(to: port) }
    }

    deinit {
        // The masters are in sessions of their own; each takes its children with it.
        for name in ["spool/pid/master.pid", "dovecot/run/master.pid"] {
            guard let text = try? directory.text(name),
                let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
            else { continue }
            kill(pid, SIGTERM)
            for _ in 0..<100 where kill(pid, 0) == 0 { usleep(10_000) }
            kill(pid, SIGKILL)
        }
    }

    /// A signed token (RFC 7519) that Dovecot checks by its key.
    func token(for user: String, seconds: Int64) -> String {
        func part(_ text: String) -> String {
            var bytes: [UInt8] = []
            Base64.appendURLSafe(Array(text.utf8)[...], to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        let now = Timestamp.now.seconds
        let claims =
            #"{"sub":"\#(user)","email":"\#(user)","iat":\#(now - 7_200),"exp":\#(now + seconds),"scope":"mail"}"#
        let content = part(#"{"alg":"HS256","typ":"JWT"}"#) + "." + part(claims)
        var tag: [UInt8] = []
        Base64.appendURLSafe(HMACSHA256(key: SecretBytes(copying: key)).tag(of: Array(content.utf8))[...], to: &tag)
        return content + "." + String(decoding: tag, as: UTF8.self)
    }

    // MARK: Inside

    private func run(_ process: Process, _ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        let said = try directory.write(arguments[0] + ".said", [])
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: said))
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    func eventually(_ condition: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(20)
        while !condition() {
            guard ContinuousClock.now < end, dovecot.isRunning else {
                let said = ["dovecot.said", "dovecot/dovecot.log", "postfix.said", "mail.log"].map {
                    "\($0): \((try? directory.text($0)) ?? "")"
                }
                throw Failure(description: said.joined(separator: "\n"))
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private static func make(_ path: String, _ mode: Int, _ owner: String?) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        var attributes: [FileAttributeKey: Any] = [.posixPermissions: mode]
        if let owner { attributes[.ownerAccountName] = owner }
        try files.setAttributes(attributes, ofItemAtPath: path)
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let answer = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard answer else { throw POSIXError(.EADDRINUSE) }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func connects(to port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = address(port)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func dovecot(_ root: String) -> String {
        """
        base_dir = \(root)/dovecot/run
        state_dir = \(root)/dovecot/state
        log_path = \(root)/dovecot/dovecot.log
        protocols =
        ssl = no
        disable_plaintext_auth = no
        auth_mechanisms = plain login scram-sha-256 oauthbearer xoauth2
        auth_failure_delay = 0
        # No growing waits after refusals.
        service anvil {
          unix_listener anvil-auth-penalty {
            mode = 0
          }
        }
        service auth {
          unix_listener \(root)/spool/private/auth {
            mode = 0660
            user = postfix
            group = postfix
          }
        }
        passdb {
          driver = oauth2
          mechanisms = oauthbearer xoauth2
          args = \(root)/dovecot/oauth2.conf
        }
        passdb {
          driver = passwd-file
          mechanisms = plain login scram-sha-256
          args = \(root)/dovecot/users
        }
        userdb {
          driver = static
          args = uid=nobody gid=nogroup home=/nonexistent
        }

        """
    }

    private static func oauth(_ root: String) -> String {
        """
        introspection_mode = local
        local_validation_key_dict = fs:posix:prefix=\(root)/dovecot/keys/
        username_attribute = email

        """
    }

    private static func main(_ root: String) -> String {
        """
        compatibility_level = 3.6
        queue_directory = \(root)/spool
        data_directory = \(root)/data
        mail_owner = postfix
        setgid_group = postdrop
        myhostname = relay.kit.test
        mydestination =
        inet_interfaces = 127.0.0.1
        inet_protocols = ipv4
        smtpd_tls_security_level = encrypt
        smtpd_tls_chain_files = \(root)/etc/server.pem
        smtpd_tls_auth_only = yes
        smtpd_sasl_auth_enable = yes
        smtpd_sasl_type = dovecot
        smtpd_sasl_path = private/auth
        smtpd_relay_restrictions = permit_sasl_authenticated, reject
        smtpd_recipient_restrictions =
        smtpd_client_connection_rate_limit = 0
        local_header_rewrite_clients =
        alias_maps =
        local_recipient_maps =
        virtual_mailbox_domains = static:all
        virtual_mailbox_maps = static:all/
        virtual_mailbox_base = \(root)/mail
        virtual_uid_maps = static:65534
        virtual_gid_maps = static:65534
        smtpd_tls_session_cache_database =
        tls_random_source = dev:/dev/urandom
        maillog_file = \(root)/mail.log
        maillog_file_prefixes = \(root)
        import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C

        """
    }

    private static func services(_ port: Int) -> String {
        """
        127.0.0.1:\(port) inet n - n - 20 smtpd
        pickup unix n - n 60 1 pickup
        cleanup unix n - n - 0 cleanup
        qmgr unix n - n 300 1 qmgr
        tlsmgr unix - - n 1000? 1 tlsmgr
        rewrite unix - - n - - trivial-rewrite
        bounce unix - - n - 0 bounce
        defer unix - - n - 0 bounce
        trace unix - - n - 0 bounce
        flush unix n - n 1000? 0 flush
        proxymap unix - - n - - proxymap
        showq unix n - n - - showq
        error unix - - n - - error
        retry unix - - n - - error
        discard unix - - n - - discard
        virtual unix - n n - - virtual
        anvil unix - - n - 1 anvil
        postlog unix-dgram n - n - 1 postlogd

        """
    }
}
