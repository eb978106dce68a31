import ArgumentParser
import Engine

/// `wardpost capture`.
struct CaptureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture",
        abstract: "A receiving mail server with TLS that stores what it gets; for rehearsals.",
        discussion: """
            Makes a certificate authority of its own at each start; name its certificate, DIR/ca.pem, as the route's `ca`. \
            Messages go to DIR/new, one file each. A recipient whose local part begins with bounce is refused for good, one \
            with defer for now.
            """
    )

    @Option(name: .long, help: ArgumentHelp("Where to listen; port 0 takes a free one.", valueName: "host:port"))
    var listen = "127.0.0.1:2525"

    @Option(name: .long, help: ArgumentHelp("Where messages and ca.pem go.", valueName: "dir"))
    var out = "captured"

    @Flag(name: .long, help: "Only count messages; store none.")
    var discard = false

    @Flag(name: .long, help: "Begin TLS with the first byte instead of STARTTLS.")
    var implicit = false

    @Option(
        name: .long,
        help: ArgumentHelp("Append recipient, size and Message-ID of each message here.", valueName: "file")
    )
    var log: String?

    func run() async throws {
        guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw ValidationError("--listen takes HOST:PORT, as 127.0.0.1:2525") }
        var options = CaptureService.Options(folder: out)
        options.host = String(listen[..<colon])
        options.port = port
        options.discards = discard
        options.isImplicit = implicit
        options.log = log
        let host = options.host
        let out = out
        let logger = Report.logger()
        let capture = try reporting { () throws(EngineError) in
            try CaptureService(
                options,
                onRunning: { Report.say("listening on \(host):\($0); trust \(out)/ca.pem") },
                log: logger
            )
        }
        try await serve([capture], logger)
    }
}
