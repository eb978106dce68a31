import ArgumentParser
import Core
import Engine
import Foundation

/// `wardpost lists [export|import]`.
struct ListsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lists",
        abstract: "Looks after the lists that people subscribe to.",
        subcommands: [Show.self, Export.self, Import.self],
        defaultSubcommand: Show.self
    )

    /// `lists`.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract:
                "Prints each list: its name, subscribers, those gone, messages that await an answer; tabs between."
        )
        @OptionGroup var options: SiteOptions

        func run() async throws {
            let site = try options.open()
            for list in try reporting({ () throws(EngineError) in try ListAdmin(site: site).standings() }) {
                print("\(list.list)\t\(list.subscribers)\t\(list.gone)\t\(list.awaited)")
            }
        }
    }

    /// `lists export`.
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Prints a list's subscribers as they are now, as CSV: whoever left is not among them."
        )
        @OptionGroup var options: SiteOptions
        @Argument(help: "The list.") var list: String

        func run() async throws {
            let site = try options.open()
            let table = try reporting { () throws(EngineError) in try ListAdmin(site: site).export(list) }
            FileHandle.standardOutput.write(Data(table))
        }
    }

    /// `lists import`.
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import",
            abstract: "Puts the addresses of a CSV file on a list: its column address or email, or its only column.",
            discussion: "No message goes to them for that. Who left the list before stays away from it."
        )
        @OptionGroup var options: SiteOptions
        @Option(name: .long, help: "By what right these people get the list's mail; it is kept beside each address.")
        var consent: String
        @Argument(help: "The list.") var list: String
        @Argument(help: "The CSV file.") var file: String

        func run() async throws {
            let site = try options.open()
            let (added, known, problems) = try reporting { () throws(EngineError) in
                try ListAdmin(site: site).import(file, to: list, consent: consent)
            }
            Report.problems(problems)
            print("\(added) added, \(known) were on the list before.")
            if !problems.isEmpty { throw ExitCode(1) }
        }
    }
}
