import Delivery
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Memory does not grow with the job.
    @Suite struct MillionRows {
        /// One run's peak in KiB, and how long it took.
        struct Measure: Sendable {
            var peak = 0
            var took = Duration.zero
            var status: Int32 = 0
        }

        static let many = Int(ProcessInfo.processInfo.environment["WARDPOST_ROWS"] ?? "") ?? 1_000_000

        @Test(
            "A job of a million rows is checked and sent in less than 128 MiB, and no row costs more than 20 bytes of memory",
            .timeLimit(.minutes(20))
        )
        func million() async throws {
            let few = 10_000
            var checks: [Int: Measure] = [:]
            var sends: [Int: Measure] = [:]
            for rows in [few, Self.many] {
                let authority = try Authority()
                let sink = try await Sink(authority, keeps: false)
                let site = try await Site(
                    Site.Settings(
                        relayPort: sink.port,
                        ca: authority.file,
                        route: "    own: true\n    connections: 32\n"
                    )
                )
                try site.job("job", JobFiles(plain: "[first_name, clinic]", template: Self.template))
                try Self.write(rows, to: site.path + "/jobs/job/recipients.csv")
                let check = try await measure(try site.start("check", "job"))
                #expect(check.status == 0)
                let send = try await measure(try site.start("send", "job"))
                #expect(send.status == 0)
                #expect(sink.server.counters.messages == rows)
                #expect(site.marker("job") == "DONE")
                (checks[rows], sends[rows]) = (check, send)
                for (what, measure) in [("check", check), ("send", send)] {
                    let rate = Int(Double(rows) / (measure.took / .seconds(1)))
                    print("million rows: \(what) of \(rows): peak \(measure.peak) KiB, \(measure.took), \(rate) rows/s")
                }
            }
            for (what, measures) in [("check", checks), ("send", sends)] {
                let (less, more) = (measures[few]?.peak ?? 0, measures[Self.many]?.peak ?? 0)
                let perRow = Double(more - less) * 1_024 / Double(Self.many - few)
                print("million rows: \(what) costs \(perRow) bytes a row")
                #expect(more < 128 * 1_024, "\(what) had \(more) KiB")
                #expect(perRow <= 20, "\(what): \(perRow) bytes a row")
            }
        }

        static let template = "Dear {{first_name}},\n\nyour visit at {{clinic}} ({{ref}}) is recorded. {{notes}}\n"

        /// Writes a table of about 100 bytes a row.
        static func write(_ rows: Int, to path: String) throws {
            try Data().write(to: URL(fileURLWithPath: path))
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            defer { try? file.close() }
            var text = "email,ref,first_name,clinic,notes\n"
            for row in 1...rows {
                text +=
                    "patient\(row)@kunde.test,P-\(row),Eva,Riverside,Blood pressure 120 to 80; come again in week \(row % 52)\n"
                if row.isMultiple(of: 10_000) || row == rows {
                    try file.write(contentsOf: Data(text.utf8))
                    text = ""
                }
            }
        }

        /// Watches a program's memory until it ends.
        private func measure(_ program: Program) async throws -> Measure {
            let began = ContinuousClock.now
            var measure = Measure()
            while !program.hasEnded {
                // The kernel keeps the peak itself; the last look is at most this long before the end.
                if let peak = program.peakMemory { measure.peak = max(measure.peak, peak) }
                try await Task.sleep(for: .milliseconds(10))
            }
            let result = try await program.result()
            measure.took = ContinuousClock.now - began
            measure.status = result.status
            if result.status != 0 { print("million rows: \(result.errors.prefix(2_000))") }
            return measure
        }
    }
}
