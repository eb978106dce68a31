import ArgumentParser
import Core
import Engine

/// `wardpost keys dkim|subscribe|api`.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Makes keys of the site's.",
        subcommands: [DKIM.self, Subscribe.self, API.self, Rotate.self]
    )

    /// `keys subscribe`.
    struct Subscribe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "subscribe",
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

    /// `keys rotate`.
    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate",
            abstract: "Adds a new token key for links and event logs; old links go on working.",
            discussion: """
                The newest key that has begun seals new links. Links under older keys go on working: opens and clicks for \
                tracking.keys.valid_days after the next key began (400 unless set), opt-outs for as long as the key stands in \
                keys/tracking.key.

                Where the tracking server has a host of its own, copy the file there before the new key begins (--from): a \
                server without the new key answers its links with 404. What runs reads the file again by itself.
                """
        )

        /// What can be rotated.
        enum Keys: String, ExpressibleByArgument, CaseIterable {
            case tracking
        }

        @OptionGroup var options: SiteOptions

        @Argument(help: "Which keys.")
        var keys: Keys

        @Option(name: .long, help: "When the new key begins to seal, in UTC: \"2026-11-30 00:00:00\"; now without it.")
        var from: String?

        @Flag(name: .long, help: "Print one JSON object to standard output.")
        var json = false

        func run() async throws {
            let site = try options.open()
            var time = Timestamp.now
            if let from {
                guard let read = Timestamp(from) else {
                    throw ValidationError("--from must be a time such as \"2026-11-30 00:00:00\"")
                }
                time = read
            }
            let start = time
            let report = try reporting { () throws(EngineError) in
                try KeyRotation(site: site).rotateTracking(from: start)
            }
            if json {
                print(JSON.text(report))
            } else {
                print("\(report.file): key \(report.key) seals from \(report.since) on; \(report.keys) keys in all")
                Report.error("Copy \(report.file) to the tracking host, restart wardpost there, then here.")
            }
        }
    }
}
