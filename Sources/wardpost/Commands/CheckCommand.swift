import ArgumentParser
import Core
import Engine

/// `wardpost check JOB`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads a job as a run would, and reports every problem at once; sends nothing.",
        discussion: "Makes every row's message in memory, so that cells which a template needs are found missing here."
    )

    @OptionGroup var options: SiteOptions

    @Argument(help: "The job: its folder's name in jobs/, or a path to it.")
    var job: String

    @Flag(name: .long, help: "Print one JSON object to standard output.")
    var json = false

    func run() async throws {
        let site = try options.open()
        let check = try reporting { () throws(EngineError) in try JobCheck(site: site).check(job) }
        if json {
            print(JSON.text(check))
        } else {
            Report.problems(check.problems)
            print(check.sentence)
        }
        if !check.isGood { throw ExitCode(EngineError.Code.jobRefused.rawValue) }
        if check.invalidRows > 0 { throw ExitCode(1) }
    }
}
