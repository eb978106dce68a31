import ArgumentParser
import Core
import Engine

extension KeysCommand {
    /// `keys api`.
    struct API: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "api",
            abstract: "Keys of the read-only API: who may ask what.",
            subcommands: [Add.self, List.self, Remove.self]
        )

        /// `keys api add`.
        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "add",
                abstract: "Makes a key and prints it, once: the site keeps only its digest.",
                discussion: """
                    A key may ask what its scopes say, and nothing without one: reports (sums), jobs, rows (by number), events, \
                    row-keys (to ask by a row's key, beside another scope). --domain and --job limit it to some senders' domains \
                    or jobs.
                    """
            )

            @OptionGroup var options: SiteOptions

            @Argument(help: "The key's name, for people.")
            var name: String

            @Option(name: .long, help: "What it may ask; may be repeated.")
            var scope: [String] = []

            @Option(name: .long, help: "Only about mail from this domain; may be repeated.")
            var domain: [String] = []

            @Option(name: .long, help: "Only about this job, by its number; may be repeated.")
            var job: [String] = []

            @Option(name: .long, help: "The first day on which it is good no longer: 2027-01-15.")
            var expires: String?

            func run() async throws {
                let site = try options.open()
                let text = try reporting { () throws(EngineError) in
                    try APIKeyAdmin(site: site).add(name, scopes: scope, domains: domain, jobs: job, expires: expires)
                }
                if scope.isEmpty { Report.error("The key has no scope, and is refused everywhere.") }
                Report.error("Keep it well: it is shown this once. Send it as `Authorization: Bearer KEY`.")
                print(text)
            }
        }

        /// `keys api list`.
        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "list",
                abstract: "Lists the keys: names, scopes, limits."
            )

            @OptionGroup var options: SiteOptions

            @Flag(name: .long, help: "Print a JSON array to standard output.")
            var json = false

            func run() async throws {
                let site = try options.open()
                let keys = try reporting { () throws(EngineError) in try APIKeyAdmin(site: site).list() }
                if json {
                    print(JSON.text(keys))
                    return
                }
                for key in keys { print(key.line) }
            }
        }

        /// `keys api remove`.
        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "remove",
                abstract: "Takes a key away; a running API refuses it within a second or two."
            )

            @OptionGroup var options: SiteOptions

            @Argument(help: "The key's name.")
            var name: String

            func run() async throws {
                let site = try options.open()
                try reporting { () throws(EngineError) in try APIKeyAdmin(site: site).remove(name) }
            }
        }
    }
}
