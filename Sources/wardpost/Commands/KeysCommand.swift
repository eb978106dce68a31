import ArgumentParser
import Core
import Engine

/// `wardpost keys dkim|subscribe|api`.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Makes keys of the site's.",
        subcommands: [DKIM.self, Subscribe.self, API.self]
    )

    /// `keys subscribe`.
    struct Subscribe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the keys of the lists' forms, if the site has none.",
            discussion:
                "A tracking host of its own needs the public half, subscribe.pub.pem, and must not have the other."
        )

        @OptionGroup var options: SiteOptions

        func run() async throws {
            let site = try options.open()
            let isNew = try reporting { () throws(EngineError) in try SubscribeSetup.make(site) }
            let paths = SubscribeSetup.paths(site)
            for path in [paths.secret, paths.open] { print("\(isNew ? "made" : "kept") \(path)") }
        }
    }

    /// `keys dkim`.
    struct DKIM: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dkim",
            abstract: "Makes the DKIM keys that a domain lacks, and prints the DNS records of all it has.",
            discussion: """
                Keys that are there are never changed; a new selector makes new ones. One name in the DNS holds one key, so \
                a selector S stands for two records: S for RSA-2048 and S-ed25519 for Ed25519. Publish both, then name the \
                selector in wardpost.yaml.
                """
        )

        @OptionGroup var options: SiteOptions

        @Option(name: .long, help: "The domain that messages come from; one of from_domains.")
        var domain: String

        @Option(name: .long, help: "What the records' names start with; the configuration's, or wp and the year.")
        var selector: String?

        @Flag(name: .long, help: "Make nothing; look whether the records are published. Exit status 1 if one is not.")
        var check = false

        @Flag(name: .long, help: "Print one JSON object to standard output.")
        var json = false

        func run() async throws {
            let site = try options.open()
            let report = try reporting { () throws(EngineError) in
                let setup = DKIMSetup(site: site)
                return try check
                    ? setup.check(domain: domain, selector: selector) : setup.make(domain: domain, selector: selector)
            }
            if json {
                print(JSON.text(report))
            } else if check {
                for record in report.records { print("\(record.name): \(record.publication?.rawValue ?? "")") }
            } else {
                show(report)
            }
            if check, !report.records.allSatisfy({ $0.publication == .published }) { throw ExitCode(1) }
        }

        private func show(_ report: DKIMSetup.Report) {
            for record in report.records {
                Report.error("\(record.isNew ? "made" : "kept") \(record.file)")
                print(record.zoneLine)
            }
            if let configuration = report.configuration {
                Report.error("Publish these records, wait until they can be looked up, then write into wardpost.yaml:")
                Report.error(configuration)
            }
        }
    }
}
