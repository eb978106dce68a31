import ArgumentParser
import Core
import Engine
import Logging
import UnixSignals

/// `wardpost send JOB`.
struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Runs one job to its end, with progress.",
        discussion: """
            Takes the folder as it is, without waiting for READY or for it to settle. A job that was interrupted goes on where \
            it stopped: no row is lost, none is sent twice. Ctrl-C stops politely; `wardpost send` again goes on.
            """
    )

    @OptionGroup var options: SiteOptions

    @Argument(help: "The job: its folder's name in jobs/, or a path to it.")
    var job: String

    func run() async throws {
        let site = try options.open()
        let name = try reporting { () throws(EngineError) in try site.name(ofJob: job) }
        let worker = try reporting { () throws(EngineError) in
            try JobWorker(site: site, log: Report.logger(.warning))
        }
        let display = ProgressDisplay()
        let result = try await interruptible {
            try await reporting { () async throws(EngineError) in
                try await worker.work(name, waits: true) { display.show($0) }
            }
        }
        display.finish()
        try Self.report(result, name)
    }

    /// Prints what a job came to, and ends with the status that says so.
    static func report(_ result: JobWorker.Result, _ name: String) throws {
        switch result {
        case .done(let totals):
            print("\(name): \(totals)")
            if !totals.isAllSentOrSuppressed { throw ExitCode(1) }
        case .stopped(let totals):
            print("\(name): stopped. \(totals)")
            throw ExitCode(1)
        case .held(let sentence, let totals):
            Report.error("\(name): held. \(sentence)")
            if let totals { print("\(name): \(totals)") }
            throw ExitCode(totals == nil ? EngineError.Code.jobRefused.rawValue : 1)
        case .rejected(let problems):
            Report.problems(problems)
            Report.error("\(name): refused; nothing was sent.")
            throw ExitCode(EngineError.Code.jobRefused.rawValue)
        case .finishedBefore(let marker):
            Report.error("\(name): has ended before (\(marker)); drop RETRY to try again what was not sent.")
            throw ExitCode(EngineError.Code.jobRefused.rawValue)
        case .busy:
            Report.error("\(name): another process works this job.")
            throw ExitCode(EngineError.Code.tryAgain.rawValue)
        case .interrupted:
            Report.error("\(name): interrupted; `wardpost send \(name)` goes on.")
            throw ExitCode(EngineError.Code.tryAgain.rawValue)
        case .suspended(let why):
            Report.error("\(name): \(why).")
            throw ExitCode(EngineError.Code.tryAgain.rawValue)
        case .tryAgain(let why):
            Report.error("\(name): cannot go on now: \(why)")
            throw ExitCode(EngineError.Code.tryAgain.rawValue)
        }
    }
}

/// Runs work that SIGINT and SIGTERM cancel politely.
func interruptible<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            for await _ in signals { return nil }
            return nil
        }
        var result: Result?
        while let next = try await group.next() {
            if let next {
                result = next
                group.cancelAll()
                break
            }
            // A signal came: the work is asked to end, and says how it ended.
            group.cancelAll()
        }
        guard let result else { throw ExitCode(EngineError.Code.tryAgain.rawValue) }
        return result
    }
}
