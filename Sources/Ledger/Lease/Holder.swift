import Core
import Files
import Glibc

/// Which process holds something: enough to know, on the same machine, whether it is still there.
public struct Holder: Hashable, Sendable {
    /// The machine's name, for people.
    public var host: String
    /// The process's number.
    public var process: Int
    /// When the process started, in ticks since the machine did; 0 if that is not to be seen.
    var started: UInt64
    /// The machine's current start; empty if that is not to be seen.
    var boot: String
    /// The process numbers' name space; 0 if that is not to be seen.
    var space: UInt64

    /// Nobody that is known.
    static let unknown = Holder(host: "", process: 0, started: 0, boot: "", space: 0)

    /// This process.
    static let this = Holder(
        host: hostName,
        process: Int(getpid()),
        started: proc.flatMap { startTime(of: Int(getpid()), in: $0) } ?? 0,
        boot: bootID,
        space: processSpace
    )

    /// Whether the process is known to have ended, so that it can do nothing any more.
    ///
    /// Said of processes of this machine's current start and this name space alone. One that is stopped, or hangs, has not
    /// ended. When in doubt: no.
    var isDead: Bool {
        let this = Self.this
        guard process > 0, !boot.isEmpty, boot == this.boot, space != 0, space == this.space else { return false }
        // Asked of the kernel, since other people's processes can be hidden in /proc.
        if kill(pid_t(process), 0) != 0 { return errno == ESRCH }
        guard started > 0, let proc = Self.proc, let status = Self.status(of: process, in: proc) else { return false }
        // Another process has the number by now; or it has ended and nobody has asked how.
        return status.started != started || status.isOver
    }

    /// Whether the process is on this machine and neither dead nor stopped: it will renew its claim by itself.
    var isAtWork: Bool {
        let this = Self.this
        guard process > 0, !boot.isEmpty, boot == this.boot, space != 0, space == this.space, !isDead else {
            return false
        }
        guard let proc = Self.proc, let status = Self.status(of: process, in: proc) else { return false }
        return !status.isStopped
    }

    // MARK: - /proc

    private struct Status {
        var started: UInt64
        var isOver: Bool
        var isStopped: Bool
    }

    private static let proc = try? Directory(path: "/proc")

    private static func startTime(of process: Int, in proc: Directory) -> UInt64? {
        status(of: process, in: proc)?.started
    }

    /// `/proc/PID/stat`: behind the name in parentheses, the first field is the state and the twentieth the start.
    private static func status(of process: Int, in proc: Directory) -> Status? {
        guard let file = try? proc.openRegular("\(process)/stat"),
            let bytes = try? file.read(at: 0, count: 4_096),
            let name = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = bytes[(name + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 19, let state = fields[0].first,
            let started = UInt64(String(decoding: fields[19], as: UTF8.self))
        else { return nil }
        return Status(
            started: started,
            isOver: [UInt8(ascii: "Z"), UInt8(ascii: "X"), UInt8(ascii: "x")].contains(state),
            isStopped: [UInt8(ascii: "T"), UInt8(ascii: "t")].contains(state)
        )
    }

    private static let bootID: String = {
        guard let proc, let file = try? proc.openRegular("sys/kernel/random/boot_id"),
            let bytes = try? file.read(at: 0, count: 64)
        else { return "" }
        return String(decoding: bytes, as: UTF8.self).filter { $0.isHexDigit || $0 == "-" }
    }()

    private static let processSpace: UInt64 = {
        var status = stat()
        return unsafe stat("/proc/self/ns/pid", &status) == 0 ? UInt64(status.st_ino) : 0
    }()

    private static let hostName: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }()
}

extension Holder: CustomStringConvertible {
    /// For people: `process 8564 on mail-1`.
    public var description: String {
        process == 0 ? "an unknown process" : "process \(process) on \(host)"
    }
}
