public import Foundation

/// Runs a program and waits for its end.
public struct Command: Sendable {
    /// What a program left behind.
    public struct Result: Sendable {
        /// Its exit status; 128 and the signal's number if a signal ended it.
        public var status: Int32
        /// All it wrote to its standard output.
        public var output: Data
        /// All it wrote to its standard error.
        public var errors: Data

        /// The output as text.
        public var text: String { String(decoding: output, as: UTF8.self) }
        /// The errors as text.
        public var errorText: String { String(decoding: errors, as: UTF8.self) }
    }

    /// Runs a program found by its path or in PATH.
    ///
    /// - Parameters:
    ///   - arguments: The program and its arguments.
    ///   - input: What it reads from its standard input.
    ///   - directory: Where it runs.
    ///   - environment: Variables to set besides our own.
    @discardableResult
    public static func run(
        _ arguments: [String],
        input: Data = Data(),
        directory: String? = nil,
        environment: [String: String] = [:]
    ) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        // Files, not pipes: a program that writes much to both would wait for a reader that waits for it.
        let scratch = try TemporaryDirectory()
        try scratch.write("in", input)
        for name in ["out", "err"] { try scratch.write(name, []) }
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: scratch.path("in")))
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: scratch.path("out")))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: scratch.path("err")))
        try process.run()
        process.waitUntilExit()
        let status = process.terminationStatus
        return Result(
            status: process.terminationReason == .uncaughtSignal ? 128 + status : status,
            output: Data(try scratch.read("out")),
            errors: Data(try scratch.read("err"))
        )
    }

    /// Whether a program is in PATH.
    public static func exists(_ name: String) -> Bool {
        (try? run(["sh", "-c", "command -v \"$0\"", name]).status) == 0
    }
}
