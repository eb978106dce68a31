import ArgumentParser
import Engine
import Logging

/// `wardpost demo`.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "The whole round on this machine, from nothing to signed results.",
        discussion: """
            Starts a receiving mail server with TLS on loopback, sends the sample job through it, opens two messages and \
            follows a link over HTTPS, and says where to look. All of it lies in outbox/demo, made anew each time.
            """
    )

    @OptionGroup var options: SiteOptions

    func run() async throws {
        let site = try options.open()
        let display = ProgressDisplay()
        let tour: Demo.Tour
        do {
            tour = try await Demo(home: site, log: Report.logger(.warning)).run { step in
                switch step {
                case .says(let sentence):
                    display.finish()
                    print(sentence)
                case .progress(let progress): display.show(progress)
                }
            }
        } catch let error as EngineError {
            return try reporting { () throws(EngineError) in throw error }
        } catch {
            Report.error("demo: \(error)")
            throw ExitCode(1)
        }
        print(
            """
            \(tour.opens) opens and \(tour.clicks) click came back and stand in tracking.csv.

            Look at:
              \(tour.job)/results.csv      who got it, and over which encryption
              \(tour.job)/tracking.csv     opens and clicks
              \(tour.job)/summary.html     the same for people
              \(tour.site)/mailboxes/new   the messages as they arrived

            Check the results without Wardpost:
              \(tour.verification)
            """
        )
    }
}
