import Foundation
import TestSupport

/// A file system of a few MiB of one test's own, in a mount namespace that ends with it.
///
/// Reached through `/proc`, so that this process need not leave its own namespace.
final class SmallDisk: Sendable {
    /// Whether this machine lets us make one.
    static let isPossible =
        (try? Command.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status) == 0

    private let process: Process
    private let input: FileHandle
    private let output: FileHandle
    let path: String

    init(kibibytes: Int) throws {
        process = Process()
        let (commands, answers) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["unshare", "-Urm", "sh"]
        process.standardInput = commands
        process.standardOutput = answers
        try process.run()
        input = commands.fileHandleForWriting
        output = answers.fileHandleForReading
        path = "/proc/\(process.processIdentifier)/root/mnt"
        try run("mount -t tmpfs -o size=\(kibibytes)k tmpfs /mnt")
    }

    deinit {
        try? input.close()
        process.waitUntilExit()
    }

    /// Runs a command where the disk is mounted, and waits for its end.
    func run(_ command: String) throws {
        try input.write(contentsOf: Data("\(command)\necho $?\n".utf8))
        let answer = String(decoding: output.availableData, as: UTF8.self)
        guard answer == "0\n" else {
            throw CocoaError(.fileWriteUnknown, userInfo: [NSDebugDescriptionErrorKey: answer])
        }
    }

    /// Takes all the room there is.
    func fill() {
        let file = path + "/ballast"
        _ = FileManager.default.createFile(atPath: file, contents: nil)
        guard let handle = FileHandle(forWritingAtPath: file) else { return }
        while (try? handle.write(contentsOf: Data(count: 1 << 12))) != nil {}
        try? handle.close()
    }

    /// Gives it back.
    func free() throws {
        try FileManager.default.removeItem(atPath: path + "/ballast")
    }
}
