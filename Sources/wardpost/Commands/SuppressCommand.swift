import ArgumentParser
import Core
import Engine
import Glibc

/// `wardpost suppress add|remove|list|import|export|mend`.
struct SuppressCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suppress",
        abstract: "Looks after the suppression list: who gets no mail.",
        subcommands: [Add.self, Remove.self, List.self, Import.self, Export.self, Mend.self]
    )

    /// Which entries a command is about.
    struct Wish: ParsableArguments {
        @Option(name: .long, help: "all, marketing or list.")
        var scope: String?
        @Option(name: .long, help: "Mail of this list.")
        var list: String?
        @Option(name: .long, help: "opt-out, bounce, complaint or by-hand.")
        var reason: String?

        func read() throws -> SuppressionWish {
            try reporting { () throws(EngineError) in try SuppressionWish(scope: scope, list: list, reason: reason) }
        }
    }

    /// `suppress add`.
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Puts addresses on the list: for all mail, by hand, unless something else is said."
        )
        @OptionGroup var options: SiteOptions
        @OptionGroup var wish: Wish
        @Argument(help: "E-mail addresses.") var addresses: [String]

        func run() async throws {
            let site = try options.open()
            let wish = try wish.read()
            let count = try reporting { () throws(EngineError) in
                try SuppressionAdmin(site: site).add(addresses, wish)
            }
            print("\(count) added.")
        }
    }

    /// `suppress remove`.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Takes addresses off the list: what is named, and everything where nothing is."
        )
        @OptionGroup var options: SiteOptions
        @OptionGroup var wish: Wish
        @Argument(help: "E-mail addresses.") var addresses: [String]

        func run() async throws {
            let site = try options.open()
            let wish = try wish.read()
            let count = try reporting { () throws(EngineError) in
                try SuppressionAdmin(site: site).remove(addresses, wish)
            }
            print(count == 0 ? "0 removed: nothing of that was on the list." : "\(count) removed.")
        }
    }

    /// `suppress list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Prints the list: mailbox, scope, reason, since when (UTC), with tabs between.",
            discussion: "A recipient who opted out by a link is known by a tag of the address only."
        )
        @OptionGroup var options: SiteOptions
        @OptionGroup var wish: Wish

        func run() async throws {
            let site = try options.open()
            let wish = try wish.read()
            try reporting { () throws(EngineError) in
                try SuppressionAdmin(site: site).forEach(wish) { print("\($0)\t\($1)\t\($2)\t\($3)") }
            }
        }
    }

    /// `suppress import`.
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import",
            abstract:
                "Puts the entries of a CSV file on the list: an export of this site, another site or another system.",
            discussion: """
                Columns: address (or email), tag, scope, list, reason, since; or a single one with addresses. --scope, --list and \
                --reason hold for rows that say nothing themselves. An entry counts from its `since`: what was taken off the list \
                later stays off. Without `since` it counts from now.
                """
        )
        @OptionGroup var options: SiteOptions
        @OptionGroup var wish: Wish
        @Argument(help: "The CSV file.") var file: String

        func run() async throws {
            let site = try options.open()
            let wish = try wish.read()
            let result = try reporting { () throws(EngineError) in
                try SuppressionAdmin(site: site).import(file, wish)
            }
            Report.problems(result.problems)
            if result.refused > result.problems.count {
                Report.error("\(result.refused - result.problems.count) more rows could not be taken")
            }
            if result.strangeReasons > 0 {
                Report.error(
                    "\(result.strangeReasons) rows have a reason that is none of ours, and were taken without it"
                )
            }
            var parts = ["\(result.added) added"]
            if result.known > 0 { parts.append("\(result.known) on the list already") }
            if result.lifted > 0 { parts.append("\(result.lifted) taken off since") }
            print(parts.joined(separator: ", ") + ".")
            if result.refused > 0 { throw ExitCode(1) }
        }
    }

    /// `suppress export`.
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract:
                "Writes all that is in force as CSV: to a file, with a signature beside it, or to standard output.",
            discussion: "Columns: address, tag, scope, list, reason, since. `suppress import` reads it again."
        )
        @OptionGroup var options: SiteOptions
        @Argument(help: "The CSV file; standard output without it.") var file: String?

        func run() async throws {
            let site = try options.open()
            try reporting { () throws(EngineError) in
                let admin = try SuppressionAdmin(site: site)
                if let file {
                    let count = try admin.export(to: file)
                    print("\(count) exported.")
                } else {
                    try admin.export { bytes in
                        var rest = bytes[...]
                        while !rest.isEmpty {
                            let count = unsafe rest.withUnsafeBytes {
                                unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count)
                            }
                            if count < 0 { return }
                            rest = rest.dropFirst(count)
                        }
                    }
                }
            }
        }
    }

    /// `suppress mend`.
    struct Mend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "mend",
            abstract: "Puts a damaged list right, so that jobs go on.",
            discussion: """
                While a line of the list or of the events is damaged, no message goes out: it may be somebody's opt-out. This puts \
                whatever can still be read of such lines on the list again, notes that the damage was looked at, and says what \
                could not be read. If you have an export, import it afterwards.
                """
        )
        @OptionGroup var options: SiteOptions

        func run() async throws {
            let site = try options.open()
            let mended = try reporting { () throws(EngineError) in try SuppressionAdmin(site: site).mend() }
            for sentence in mended.sentences { print(sentence) }
            if let file = mended.putAside { print("The file could not be added to and is now outbox/\(file).") }
            print(
                mended.sentences.isEmpty && mended.putAside == nil
                    ? "Nothing is damaged." : "\(mended.saved) entries put on the list again."
            )
        }
    }
}
