import ArgumentParser
import Core
import Engine
import Glibc
import Logging

/// Writes to people: results to standard output, everything else to standard error.
enum Report {
    /// One line to standard output at once: a program that waits for it may be reading a pipe, which `print` fills first.
    static func say(_ line: String) {
        write(line, to: STDOUT_FILENO)
    }

    /// A file's text to standard output, as it is.
    static func print(_ text: [UInt8]) {
        var rest = text[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// One line to standard error.
    static func error(_ line: String) {
        write(line, to: STDERR_FILENO)
    }

    private static func write(_ line: String, to descriptor: Int32) {
        let bytes = Array((line + "\n").utf8)
        _ = unsafe Glibc.write(descriptor, bytes, bytes.count)
    }

    /// Each problem as `file:line:column: problem; fix` on standard error.
    static func problems(_ problems: [Diagnostic]) {
        for problem in problems { error(problem.description) }
    }

    /// A logger that writes to standard error: what the engine has to say, never a cell.
    static func logger(_ level: Logger.Level = .notice) -> Logger {
        var logger = Logger(label: "wardpost") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        return logger
    }
}

/// Runs what can be refused; prints why and ends with the status that says so.
func reporting<Result>(_ body: () async throws(EngineError) -> Result) async throws -> Result {
    do throws(EngineError) {
        return try await body()
    } catch {
        throw exit(error)
    }
}

/// Runs what can be refused; prints why and ends with the status that says so.
func reporting<Result>(_ body: () throws(EngineError) -> Result) throws -> Result {
    do throws(EngineError) {
        return try body()
    } catch {
        throw exit(error)
    }
}

private func exit(_ error: EngineError) -> ExitCode {
    Report.problems(error.problems)
    return ExitCode(error.code.rawValue)
}
