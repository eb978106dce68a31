import Foundation
import TestSupport

/// A disk that fails: makes one call of `fsync` or `fdatasync` in a program fail with EIO; see Scripts/sync_fault.c.
final class SyncFault: Sendable {
    private let directory: TemporaryDirectory
    private let library: String

    /// The first compiler there is; Swift has one beside it.
    private static let compiler: String? = {
        let swift = Places.find("swift").map { (($0 as NSString).resolvingSymlinksInPath as NSString) }
        let beside = swift.map { $0.deletingLastPathComponent + "/clang" }
        return (["cc", "gcc", "clang"].map(Places.find) + [beside]).compactMap { $0 }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    static var isThere: Bool { compiler != nil }

    init() async throws {
        directory = try TemporaryDirectory()
        library = directory.path("sync_fault.so")
        try await Program.output([
            Self.compiler ?? "cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread", "-o", library,
            Places.script("sync_fault.c"),
        ])
    }

    /// One fault to come.
    struct Charge: Sendable {
        /// What a program must be started with.
        var environment: [String: String]
        fileprivate var flag: String

        /// Whether it has struck.
        var hasStruck: Bool { FileManager.default.fileExists(atPath: flag) }
    }

    /// Lets the `call`-th call fail; with `cuts`, what was written since the file's last sync is gone.
    func charge(call: Int, cuts: Bool) -> Charge {
        let flag = directory.path(UUID().uuidString)
        return Charge(
            environment: [
                "LD_PRELOAD": library, "SYNC_FAULT_AT": String(call), "SYNC_FAULT_CUTS": cuts ? "1" : "0",
                "SYNC_FAULT_FLAG": flag,
            ],
            flag: flag
        )
    }
}
