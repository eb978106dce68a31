import Foundation
import TestSupport

/// A file system in memory that is soon full, in a namespace of its own, so that this machine has no mount more.
///
/// Needs root.
final class SmallDisk: Sendable {
    private let directory: TemporaryDirectory
    private let holder: Program

    static var isThere: Bool { Places.isRoot && Places.have("unshare", "mount") }

    /// Makes one of so many KiB.
    init(kibibytes: Int) async throws {
        directory = try TemporaryDirectory()
        holder = try Program([
            "unshare", "--mount", "--fork", "--kill-child", "sh", "-c",
            "mount -t tmpfs -o size=$1k,mode=700 disk \"$0\" && echo ready && exec sleep infinity", directory.path,
            String(kibibytes),
        ])
        _ = try await holder.firstLine()
    }

    /// Where others than its namespace see it.
    var path: String { "/proc/\(holder.pid)/root\(directory.path)" }

    /// Takes all the space that is left.
    func fill() throws {
        let name = path + "/filler"
        try Data().write(to: URL(fileURLWithPath: name))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: name))
        defer { try? file.close() }
        for size in [1 << 20, 1 << 12, 1] {
            let bytes = Data(count: size)
            while (try? file.write(contentsOf: bytes)) != nil {}
        }
    }

    /// Gives it back.
    func free() throws {
        try FileManager.default.removeItem(atPath: path + "/filler")
    }
}
