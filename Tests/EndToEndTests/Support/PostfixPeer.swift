import Foundation
import Glibc
import TestSupport

/// A Postfix of the test's own on loopback: configuration, queue and log in a temporary directory, several doors with a
/// certificate each, and one Maildir that gets every message.
///
/// Needs root, as Postfix does.
final class PostfixPeer: Sendable {
    /// One port and how it does TLS.
    struct Door: Sendable {
        /// For `main.cf`'s words: `encrypt` or `none`.
        var level = "encrypt"
        /// Whether TLS starts with the first byte.
        var isImplicit = false
        /// Chain and key in one file.
        var certificate: String?
    }

    private let directory: TemporaryDirectory
    private let master: Program
    /// The doors' ports, in their order.
    let ports: [Int]

    /// Where all mail ends up.
    var maildir: String { directory.path("mail/all") }
    /// Where mail to the bounce domain ends up, if there is one.
    var bounces: String { directory.path("mail/bounces") }
    /// What Postfix said so far.
    var log: String { (try? directory.text("mail.log")) ?? "" }

    static var isThere: Bool {
        Places.isRoot && Places.have("postfix", "postconf")
    }

    /// Starts an instance with some doors.
    ///
    /// - Parameters:
    ///   - doors: Its ports.
    ///   - bounceDomain: A domain whose mail has a Maildir of its own; then recipients that begin with `nobody` are taken and bounce.
    init(_ doors: [Door], bounceDomain: String? = nil) async throws {
        directory = try TemporaryDirectory()
        ports = try doors.map { _ in try Places.freePort() }
        let root = directory.path
        // Its processes are another user's, who must get in.
        try Self.make(root, 0o755, nil)
        for name in ["etc", "spool"] { try Self.make(root + "/" + name, 0o755, nil) }
        try Self.make(root + "/data", 0o700, "postfix")
        try Self.make(root + "/mail", 0o700, "nobody")
        try directory.write("etc/main.cf", text: Self.main(root) + (bounceDomain == nil ? "" : Self.bounces(root)))
        if let bounceDomain {
            let pattern = bounceDomain.replacingOccurrences(of: ".", with: "\\.")
            try directory.write("etc/mailboxes", text: "/@\(pattern)$/ bounces/\n!/^nobody/ all/\n")
            for room in ["", "/new", "/cur", "/tmp"] { try Self.make(root + "/mail/bounces" + room, 0o700, "nobody") }
        }
        try directory.write("etc/master.cf", text: Self.services(zip(doors, ports).map { ($0, $1) }))
        let check = try await Program.run(["postfix", "-c", root + "/etc", "check"])
        guard check.status == 0 else { throw Program.Failure(description: "postfix check: \(check.errors)") }
        master = try Program(["postfix", "-c", root + "/etc", "start-fg"])
        for port in ports {
            try await eventually("Postfix greets on \(port)", within: .seconds(60)) { [directory, master] in
                guard !master.hasEnded else {
                    let log = (try? directory.text("mail.log")) ?? ""
                    throw Program.Failure(description: "Postfix ended: \(master.errors) \(log)")
                }
                return connects(to: port)
            }
        }
    }

    deinit {
        // The master is in a session of its own; its children go when it does, and at once when they are told.
        if let text = try? directory.text("spool/pid/master.pid"),
            let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
        {
            kill(pid, SIGTERM)
            let group = getpgid(pid)
            if group > 1, group != getpgrp() { kill(-group, SIGKILL) }
        }
        master.kill()
    }

    /// Waits until every connection that was made has been counted in the log.
    func settledLog() async throws -> String {
        try await eventually("Postfix has told of every connection") { [self] in
            let log = log
            let opened = log.components(separatedBy: ": connect from").count
            return opened == log.components(separatedBy: ": disconnect from").count ? log : nil
        }
    }

    /// Waits until the Maildir holds so many messages.
    func delivered(_ count: Int, within limit: Duration = .seconds(60)) async throws -> Int {
        try? await eventually("the Maildir holds \(count)", within: limit) { [maildir] in
            Mail.count(in: maildir) >= count
        }
        return Mail.count(in: maildir)
    }

    private static func make(_ path: String, _ mode: Int, _ owner: String?) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        var attributes: [FileAttributeKey: Any] = [.posixPermissions: mode]
        if let owner { attributes[.ownerAccountName] = owner }
        try files.setAttributes(attributes, ofItemAtPath: path)
    }

    private static func main(_ root: String) -> String {
        """
        compatibility_level = 3.6
        queue_directory = \(root)/spool
        data_directory = \(root)/data
        mail_owner = postfix
        setgid_group = postdrop
        myhostname = relay.test
        mydestination =
        inet_interfaces = 127.0.0.1
        inet_protocols = ipv4
        mynetworks = 127.0.0.0/8
        smtpd_relay_restrictions = permit_mynetworks, reject
        smtpd_recipient_restrictions =
        smtpd_client_connection_count_limit = 0
        smtpd_client_connection_rate_limit = 0
        local_header_rewrite_clients =
        smtputf8_enable = yes
        alias_maps =
        local_recipient_maps =
        virtual_mailbox_domains = static:all
        virtual_mailbox_maps = static:all/
        virtual_mailbox_base = \(root)/mail
        virtual_uid_maps = static:65534
        virtual_gid_maps = static:65534
        virtual_mailbox_limit = 0
        message_size_limit = 33554432
        smtp_tls_security_level = encrypt
        smtpd_tls_received_header = yes
        smtpd_tls_session_cache_database =
        tls_random_source = dev:/dev/urandom
        maillog_file = \(root)/mail.log
        maillog_file_prefixes = \(root)
        import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C

        """
    }

    /// Later settings count.
    ///
    /// Unknown recipients are found out by the delivery agent, as behind a relay.
    private static func bounces(_ root: String) -> String {
        """
        recipient_delimiter = +
        virtual_mailbox_maps = regexp:\(root)/etc/mailboxes
        smtpd_reject_unlisted_recipient = no
        notify_classes =

        """
    }

    private static func services(_ doors: [(Door, Int)]) -> String {
        var text = ""
        for (door, port) in doors {
            text += "127.0.0.1:\(port) inet n - n - 20 smtpd\n  -o smtpd_tls_security_level=\(door.level)\n"
            if door.isImplicit { text += "  -o smtpd_tls_wrappermode=yes\n" }
            if let certificate = door.certificate { text += "  -o smtpd_tls_chain_files=\(certificate)\n" }
        }
        return text + """
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

/// Whether somebody listens on a port of loopback.
func connects(to port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
            unsafe connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
