import ArgumentParser
import Engine

/// The command line: one file a command, each of which parses, calls the engine, prints, and says how it went.
struct Wardpost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wardpost",
        abstract: "Mail merge for protected health information, over verified TLS only.",
        discussion: """
            A site is a directory with wardpost.yaml. A job is a folder in its jobs/: a manifest, a recipient CSV, templates. \
            Wardpost sends each row's own message and writes signed results beside the job.

            First steps:
              wardpost demo                  the whole round on this machine
              wardpost init my-site          a new site with keys
              wardpost check JOB             every problem of a job at once; sends nothing
              wardpost send JOB              one job to its end
              wardpost watch                 jobs as they come, and tracking

            Exit status: 0 all rows sent or rightly suppressed; 1 finished, but some rows were not sent; 64 wrong usage; \
            65 job refused; 75 try again later; 78 site configuration refused.
            """,
        version: Version.current,
        subcommands: [
            DemoCommand.self, InitCommand.self, CheckCommand.self, PreviewCommand.self, SendCommand.self,
            WatchCommand.self, ServeCommand.self, StatusCommand.self, VerifyCommand.self, ReportCommand.self,
            SuppressCommand.self, ListsCommand.self, BouncesCommand.self,
            CaptureCommand.self, KeysCommand.self,
        ]
    )

    @OptionGroup var options: SiteOptions
}

/// The program.
@main
enum Program {
    static func main() async {
        Crash.keepSilent()
        await Wardpost.main()
    }
}

/// Where the site is; every command that needs one takes it, before or behind the command's name.
struct SiteOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The site's directory.", valueName: "dir"))
    var site = "."

    /// Opens the site.
    func open() throws -> Site {
        try reporting { () throws(EngineError) in try Site.open(site) }
    }
}
