import Files
import Foundation
import Glibc
import Intake
import TestSupport
import Testing

/// A drop area with one job folder in it.
final class DropArea: Sendable {
    private let temporary: TemporaryDirectory
    let jobs: Directory

    init() throws {
        temporary = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: temporary.path("job"),
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
        jobs = try Directory(path: temporary.path)
    }

    var path: String { temporary.path }

    func path(_ name: String) -> String {
        temporary.path("job/" + name)
    }

    func folder() throws -> JobFolder {
        try JobFolder("job", in: jobs)
    }

    func drop(_ name: String, _ text: String = "x") throws {
        try temporary.write("job/" + name, text: text)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path(name))
    }

    func drop(_ name: String, bytes: [UInt8]) throws {
        try temporary.write("job/" + name, bytes)
    }

    /// Overwrites in place: the same inode, another content.
    func overwrite(_ name: String, at offset: Int, with bytes: [UInt8]) throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path(name)))
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path(name))
    }
}

/// System calls that tests set up strange files with; a failed one fails the test.
enum Disk {
    static func link(_ path: String, to target: String) throws {
        try check(unsafe symlink(target, path))
    }

    static func hardLink(_ path: String, to target: String) throws {
        try check(unsafe Glibc.link(target, path))
    }

    static func pipe(_ path: String) throws {
        try check(unsafe mkfifo(path, 0o644))
    }

    static func move(_ path: String, to other: String) throws {
        try check(unsafe rename(path, other))
    }

    static func resize(_ path: String, to size: Int) throws {
        try check(unsafe truncate(path, off_t(size)))
    }

    static func permit(_ path: String, _ mode: UInt32) throws {
        try check(unsafe chmod(path, mode_t(mode)))
    }

    private static func check(_ result: Int32) throws {
        try #require(result == 0, "errno \(errno)")
    }
}
