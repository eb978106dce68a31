import Foundation
import TestSupport

/// An OpenSSH server of the test's own on loopback that takes files by SFTP, and OpenSSH's client to bring them.
final class SftpServer: Sendable {
    private let directory: TemporaryDirectory
    private let server: Program
    private let port: Int

    static var isThere: Bool { Places.have("sshd", "sftp", "ssh-keygen") }

    init() async throws {
        directory = try TemporaryDirectory()
        port = try Places.freePort()
        for name in ["host", "user"] {
            try await Program.output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory.path(name)])
        }
        try FileManager.default.copyItem(atPath: directory.path("user.pub"), toPath: directory.path("authorized"))
        try directory.write(
            "config",
            text: """
                Port \(port)
                ListenAddress 127.0.0.1
                HostKey \(directory.path("host"))
                AuthorizedKeysFile \(directory.path("authorized"))
                PasswordAuthentication no
                KbdInteractiveAuthentication no
                PermitRootLogin prohibit-password
                UsePAM no
                StrictModes no
                PidFile none
                Subsystem sftp internal-sftp
                LogLevel ERROR

                """
        )
        // Where sshd as root puts its unprivileged half; the service's start would have made it.
        if Places.isRoot {
            try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        }
        server = try Program([Places.find("sshd") ?? "sshd", "-D", "-e", "-f", directory.path("config")])
        try await eventually("sshd listens") { [server, port] in
            guard !server.hasEnded else { throw Program.Failure(description: "sshd ended: \(server.errors)") }
            return connects(to: port)
        }
    }

    /// Runs a batch of sftp's commands; `limit` is in kbit/s.
    func batch(_ commands: [String], in local: String, limit: Int? = nil) async throws {
        let file = try directory.write(UUID().uuidString, text: commands.joined(separator: "\n") + "\n")
        try await Program.output(
            ["sftp", "-q", "-b", file, "-P", String(port), "-i", directory.path("user")]
                + (limit.map { ["-l", String($0)] } ?? [])
                + [
                    "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                    "-o", "IdentitiesOnly=yes", "-F", "none", "\(NSUserName())@127.0.0.1",
                ],
            directory: local
        )
    }
}
