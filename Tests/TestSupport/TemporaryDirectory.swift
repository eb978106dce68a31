import Foundation

/// A directory of one test's own, removed when the last reference to it goes.
public final class TemporaryDirectory: Sendable {
    /// Its path.
    public let path: String

    /// Makes an empty directory that only we can enter, in the system's place for such or in another.
    public init(in parent: String? = nil) throws {
        path = ((parent ?? NSTemporaryDirectory()) as NSString).appendingPathComponent("wardpost-" + UUID().uuidString)
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of something in it.
    public func path(_ name: String) -> String {
        path + "/" + name
    }

    /// Writes a file in it, with the directories on the way.
    @discardableResult
    public func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let full = path(name)
        let parent = (full as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: full))
        return full
    }

    /// Writes a text file in it.
    @discardableResult
    public func write(_ name: String, text: String) throws -> String {
        try write(name, Array(text.utf8))
    }

    /// Reads a file in it.
    public func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    /// Reads a text file in it.
    public func text(_ name: String) throws -> String {
        String(decoding: try read(name), as: UTF8.self)
    }
}
