import ArgumentParser
import Core
import Engine

/// `wardpost suppress add|remove|list|import`.
struct SuppressCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suppress",
        abstract: "Looks after the suppression list: who gets no mail.",
        subcommands: [Add.self, Remove.self, List.self, Import.self]
    )

    /// Which mail a change concerns.
    struct Scope: ParsableArguments {
        @Option(name: .long, help: "Only mail of this list; all mail otherwise.")
        var list: String?
    }

    /// `suppress add`.
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Puts addresses on the list.")
        @OptionGroup var options: SiteOptions
        @OptionGroup var scope: Scope
        @Argument(help: "E-mail addresses.") var addresses: [String]

        func run() async throws {
            let site = try options.open()
            let count = try reporting { () throws(EngineError) in
                try SuppressionAdmin(site: site).add(addresses, list: scope.list)
            }
            print("\(count) added.")
        }
    }

    /// `suppress remove`.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes addresses off the list.")
        @OptionGroup var options: SiteOptions
        @OptionGroup var scope: Scope
        @Argument(help: "E-mail addresses.") var addresses: [String]

        func run() async throws {
            let site = try options.open()
            let count = try reporting { () throws(EngineError) in
                try SuppressionAdmin(site: site).remove(addresses, list: scope.list)
            }
            print("\(count) removed.")
        }
    }

    /// `suppress list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the list: mailbox, scope, reason, since when (UTC), with tabs between.",
            discussion: "A recipient who opted out by a link is known by a tag of the address only."
        )
        @OptionGroup var options: SiteOptions

        func run() async throws {
            let site = try options.open()
            try reporting { () throws(EngineError) in
                try SuppressionAdmin(site: site).forEach { print("\($0)\t\($1)\t\($2)\t\($3)") }
            }
        }
    }

    /// `suppress import`.
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts the addresses of a CSV file on the list: its column address or email, or its only column."
        )
        @OptionGroup var options: SiteOptions
        @OptionGroup var scope: Scope
        @Argument(help: "The CSV file.") var file: String

        func run() async throws {
            let site = try options.open()
            let (added, problems) = try reporting { () throws(EngineError) in
                try SuppressionAdmin(site: site).import(file, list: scope.list)
            }
            Report.problems(problems)
            print("\(added) added.")
            if !problems.isEmpty { throw ExitCode(1) }
        }
    }
}
