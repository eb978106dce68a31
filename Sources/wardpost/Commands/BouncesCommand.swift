import ArgumentParser
import Core
import Engine
import Logging

/// `wardpost bounces PATH…`.
struct BouncesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bounces",
        abstract: "Reads returned mail: bounces, complaints, opt-outs by message.",
        discussion: """
            Each PATH is a file with one mail, a folder of such files, or a Maildir, whose new mails are put away into cur/; \
            - is standard input. A mail counts only with the token that stood in its message's return path, and once, however \
            often it is read. `wardpost watch` does the same for the Maildir that wardpost.yaml names.
            """
    )

    @OptionGroup var options: SiteOptions

    @Flag(name: .long, help: "Print a JSON object for each mail, one a line, and one for all of them.")
    var json = false

    @Argument(help: "Files, folders or Maildirs.")
    var paths: [String]

    func run() async throws {
        let site = try options.open()
        let log = Report.logger(.warning)
        let totals = try await reporting { [paths, json] () async throws(EngineError) in
            try await BounceImport(try JobWorker(site: site, log: log), log: log).run(paths) { mail in
                if json { Report.say(JSON.text(mail)) }
            }
        }
        Report.say(json ? JSON.text(totals) : "\(totals).")
        if totals.counts[.unreadable, default: 0] > 0 { throw ExitCode(1) }
    }
}
