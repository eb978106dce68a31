import Core
import Files
import Intake
public import Logging
public import ServiceLifecycle

/// Reads mail that comes back into the site's Maildir, until it is told to stop.
public struct BounceService: Service {
    /// How often the Maildir is looked at.
    public var interval: Duration = .seconds(2)
    /// How many mails are read together: the disk is waited for once.
    static let batch = 256

    private let path: String
    private let intake: BounceIntake
    private let log: Logger

    /// Prepares to watch a site's Maildir; `nil` if it has none.
    public init?(_ worker: JobWorker, log: Logger) throws(EngineError) {
        let site = worker.site
        guard let maildir = site.configuration.bounces?.maildir else { return nil }
        path = site.absolute(maildir.value)
        do {
            guard try Maildir(path: path) != nil else {
                throw EngineError(
                    .configuration,
                    "\(maildir.value) is no Maildir: it has no new/ and cur/",
                    at: maildir.place,
                    fix:
                        "have the mail server deliver there, or make it with `mkdir -p \(maildir.value)/new \(maildir.value)/cur \(maildir.value)/tmp`"
                )
            }
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.configuration, "\(error)", at: maildir.place)
        }
        intake = BounceIntake(
            site: site,
            keys: worker.keys,
            store: worker.store,
            rules: try BounceIntake.rules(of: site)
        )
        self.log = log
        log.notice("reading returned mail", metadata: ["maildir": "\(path)"])
    }

    /// Watches until told to stop.
    public func run() async throws {
        let turns = Turns(path: path, intake: intake, log: log)
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await turns.turn()
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// Reads what waits, once.
    func once() async {
        await Turns(path: path, intake: intake, log: log).turn()
    }

    private actor Turns {
        private let path: String
        private let intake: BounceIntake
        private let log: Logger
        /// Mails that were read and cannot be put away: once is enough.
        private var stuck: Set<String> = []
        private var trouble = ""

        init(path: String, intake: BounceIntake, log: Logger) {
            self.path = path
            self.intake = intake
            self.log = log
        }

        func turn() async {
            do {
                guard let maildir = try Maildir(path: path) else { return say("it is no Maildir any more") }
                let waiting = try maildir.waiting().filter { !stuck.contains($0) }
                var totals = BounceTotals()
                for start in stride(from: 0, to: waiting.count, by: BounceService.batch) where !Task.isCancelled {
                    let names = waiting[start..<min(start + BounceService.batch, waiting.count)]
                    let mails = try await Blocking.run { () -> [BounceIntake.Mail] in
                        try names.map { BounceIntake.Mail(name: $0, bytes: try maildir.read($0)) }
                    }
                    let results = try await intake.take(mails)
                    for mail in results {
                        totals.add(mail)
                        do { try maildir.putAway(mail) } catch {
                            stuck.insert(mail.name)
                            log.error(
                                "a mail cannot be put away",
                                metadata: ["file": "\(mail.name)", "cause": "\(error)"]
                            )
                        }
                    }
                    try maildir.sync()
                }
                if totals.read > 0 { log.notice("mail came back", metadata: ["result": "\(totals)"]) }
                trouble = ""
            } catch is CancellationError {
            } catch {
                say("\(error)")
            }
        }

        /// Says what is wrong, once.
        private func say(_ what: String) {
            if what != trouble { log.error("returned mail cannot be read now", metadata: ["cause": "\(what)"]) }
            trouble = what
        }
    }
}
