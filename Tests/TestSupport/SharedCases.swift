import Foundation

/// Where cases that others wrote lie; they are not part of the project, so tests that read them skip without them.
public enum SharedCases {
    /// The folder named by `WARDPOST_SHARED`, or `shared` beside the package; `nil` if there is neither.
    public static let directory: String? = {
        let named = ProcessInfo.processInfo.environment["WARDPOST_SHARED"]
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let beside = package.deletingLastPathComponent().appendingPathComponent("shared").path
        return [named, beside].compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0) }
    }()

    /// A folder of cases; `nil` where it is missing.
    public static func folder(_ name: String) -> String? {
        guard let path = directory.map({ $0 + "/" + name }), FileManager.default.fileExists(atPath: path) else {
            return nil
        }
        return path
    }
}
