import ArgumentParser
import Engine

/// `wardpost verify PATH…`.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks the signatures of result files, or of a whole job folder.",
        discussion: "The same check without Wardpost: openssl dgst -sha256 -verify KEY -signature FILE.sig FILE"
    )

    @OptionGroup var options: SiteOptions

    @Option(
        name: .long,
        help: ArgumentHelp("The public key; the site's keys/records.pub.pem otherwise.", valueName: "file")
    )
    var key: String?

    @Flag(name: .long, help: "Print a JSON array to standard output.")
    var json = false

    @Argument(help: "Result files, or folders of jobs.")
    var paths: [String]

    func run() async throws {
        let findings = try reporting { () throws(EngineError) in
            let verification =
                if let key { try Verification(keyFile: key) } else {
                    try Verification(site: try Site.open(options.site))
                }
            var findings: [Verification.Finding] = []
            for path in paths { findings += try verification.check(path) }
            return findings
        }
        if json {
            print(JSON.text(findings))
        } else {
            for finding in findings { print("\(finding.path): \(finding.result)") }
        }
        if !findings.allSatisfy(\.isGood) { throw ExitCode(1) }
    }
}
