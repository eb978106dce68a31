import Foundation
import Glibc
import TestSupport

/// Where the programs are.
enum Places {
    /// The built program: beside the running tests.
    static let wardpost: String = {
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let directory = (tests as NSString).deletingLastPathComponent
        let named = ProcessInfo.processInfo.environment["WARDPOST_BINARY"]
        // Under `swift test` the running program is a helper of the toolchain's; the bundle is among its arguments.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? ""
        let beside = [directory, (bundle as NSString).deletingLastPathComponent].map { $0 + "/wardpost" }
        return ([named].compactMap { $0 } + beside).first { FileManager.default.isExecutableFile(atPath: $0) }
            ?? "wardpost"
    }()

    /// A helper script of these tests.
    static func script(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Scripts/\(name)").path
    }

    /// The repository's root.
    static var repository: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
    }

    /// Whether all programs are in PATH, or where administrators have them.
    static func have(_ names: String...) -> Bool {
        names.allSatisfy { find($0) != nil }
    }

    /// A program's full path.
    static func find(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"])
            .map { $0 + "/" + name }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Whether we may do as we like, which Postfix needs.
    static let isRoot = geteuid() == 0

    /// A port on loopback that nobody listens on now.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard code else { throw Program.Failure(description: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
