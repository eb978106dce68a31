import ArgumentParser
import Core
import Engine

/// `wardpost check JOB`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads a job as a run would, and reports every problem at once; sends nothing.",
        discussion: """
            Makes every row's message in memory, so that cells which a template needs are found missing here.

            With --connect, also goes to each of the route's relays as far as a row's message would begin (EHLO, STARTTLS, \
            verified TLS, EHLO, AUTH, QUIT) and prints what a row would get as evidence. Exit status 75 if a relay was not \
            reached, 1 if rows would be held or refused.
            """
    )

    @OptionGroup var options: SiteOptions

    @Argument(help: "The job: its folder's name in jobs/, or a path to it.")
    var job: String

    @Flag(name: .long, help: "Print one JSON object to standard output.")
    var json = false

    @Flag(name: .long, help: "Try the job's route, too; sends nothing.")
    var connect = false

    func run() async throws {
        let site = try options.open()
        let checker = try reporting { () throws(EngineError) in try JobCheck(site: site) }
        let check = try reporting { () throws(EngineError) in try checker.check(job) }
        var routes: [RouteCheck]?
        if connect, check.isGood {
            routes = try await reporting { () async throws(EngineError) in try await checker.connect(check) }
        }
        if json {
            print(JSON.text(check, routes))
        } else {
            Report.problems(check.problems)
            print(check.sentence)
            for line in check.tracking?.lines ?? [] { print(line) }
            for line in (routes ?? []).flatMap(\.lines) { print(line) }
        }
        if !check.isGood { throw ExitCode(EngineError.Code.jobRefused.rawValue) }
        let routeChecks = routes ?? []
        if check.invalidRows > 0 || routeChecks.contains(where: \.holdsRows) { throw ExitCode(1) }
        if routeChecks.contains(where: { $0.end == .unreachable }) {
            throw ExitCode(EngineError.Code.tryAgain.rawValue)
        }
    }
}
