import ArgumentParser
import Engine

/// `wardpost init [DIR]`.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes a new site with keys.",
        discussion: """
            The key directory is the one thing that cannot be made again: without it results cannot be told from forgeries, \
            links in sent mail stop working, and opt-outs are not recognised. Back it up, away from jobs and results.
            """
    )

    @Argument(help: "The new site's directory.")
    var directory = "."

    func run() async throws {
        let made = try reporting { () throws(EngineError) in try SiteInit.make(at: directory) }
        for path in made.paths { print("made \(directory)/\(path)") }
        print("Now fill in \(directory)/wardpost.yaml, and back up \(directory)/keys.")
    }
}
