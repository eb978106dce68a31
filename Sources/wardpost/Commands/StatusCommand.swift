import ArgumentParser
import Engine

/// `wardpost status [JOB]`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Tells what is running, waiting, held."
    )

    @OptionGroup var options: SiteOptions

    @Argument(help: "One job; all of them otherwise.")
    var job: String?

    @Flag(name: .long, help: "Print a JSON array to standard output.")
    var json = false

    func run() async throws {
        let site = try options.open()
        let entries = try reporting { () throws(EngineError) in
            let overview = try JobOverview(site: site)
            if let job { return [try overview.one(job)] }
            return try overview.all()
        }
        if json {
            print(JSON.text(entries))
            return
        }
        if entries.isEmpty { print("There are no jobs in jobs/.") }
        let width = entries.map(\.folder.count).max() ?? 0
        for entry in entries {
            let folder = entry.folder + String(repeating: " ", count: width - entry.folder.count)
            let state = entry.state + String(repeating: " ", count: max(0, 8 - entry.state.count))
            print("\(folder)  \(state)  \(entry.message)")
        }
    }
}
