import ArgumentParser
import Core
import Engine
import Reports

/// `wardpost report`.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract:
            "Reports on the whole site: what was sent, what came back, by day, sender, route, list, job and domain.",
        discussion: """
            Without --format, writes CSV, JSON and an HTML page with signatures into the site's reports/. With --format alone, \
            prints one of them. Days are those of the site's time zone.

            wardpost report                                     this month
            wardpost report --period 2026-W47                   a week; 2026-11 is a month, 2026-11-22 a day
            wardpost report --from 2026-11-01 --to 2026-11-15 --by sender,list --format csv
            """
    )

    @OptionGroup var options: SiteOptions

    @Option(name: .long, help: "A day, a week or a month: 2026-11-22, 2026-W47, 2026-11; this month otherwise.")
    var period: String?

    @Option(name: .long, help: ArgumentHelp("The first day.", valueName: "day"))
    var from: String?

    @Option(name: .long, help: ArgumentHelp("The last day; today otherwise.", valueName: "day"))
    var to: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What to tell apart, with commas between: \(Dimension.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "names"
        )
    )
    var by: String?

    @Option(name: .long, help: "csv, json or html; all of them otherwise.")
    var format: String?

    @Option(name: .long, help: ArgumentHelp("The directory to write into; it must be there.", valueName: "dir"))
    var out: String?

    @Flag(name: .long, help: "Make the index anew first, from ledgers, results and events.")
    var rebuild = false

    func run() async throws {
        let site = try options.open()
        let dimensions = try dimensions()
        let formats = try formats()
        let reports = try reporting { () throws(EngineError) in try SiteReports(site: site) }
        let period = try chosenPeriod(reports.day())
        let (report, written) = try reporting { () throws(EngineError) in
            let update = try reports.update(rebuilding: rebuild)
            for problem in update.problems { Report.error(problem) }
            let report = try reports.report(period, by: dimensions)
            if format != nil, out == nil { return (report, [String]()) }
            return (report, try reports.write(report, as: formats, to: out))
        }
        if let format = formats.first, formats.count == 1, out == nil {
            Report.print(ReportFiles.text(of: report, as: format))
            return
        }
        let total = report.total
        print(
            "\(period): \(total[.sent]) of \(total.rows) rows sent, \(total.opened) opened, \(total.clicked) clicked."
        )
        for path in written { print(path) }
        if written.isEmpty { print("The files stand as they are.") }
    }

    private func chosenPeriod(_ today: Day) throws -> Period {
        if let period {
            guard from == nil, to == nil else { throw ValidationError("--period goes without --from and --to.") }
            guard let chosen = Period(period) else {
                throw ValidationError("\"\(period)\" is no period: write 2026-11-22, 2026-W47 or 2026-11.")
            }
            return chosen
        }
        guard from != nil || to != nil else { return Period(.month, of: today) }
        let last = try to.map(day) ?? today
        let first = try from.map(day) ?? last
        guard let chosen = Period(from: first, to: last) else { throw ValidationError("--from is after --to.") }
        return chosen
    }

    private func day(_ text: String) throws -> Day {
        guard let day = Day(text) else { throw ValidationError("\"\(text)\" is no day: write it like 2026-11-22.") }
        return day
    }

    private func dimensions() throws -> [Dimension] {
        guard let by else { return Reports.Report.dimensions }
        return try by.split(separator: ",").map { word in
            guard let dimension = Dimension(rawValue: String(word)) else {
                let known = Dimension.allCases.map(\.rawValue)
                let nearest = Suggestion.nearest(to: String(word), in: known).map { " Did you mean \($0)?" } ?? ""
                throw ValidationError("There is no \"\(word)\" to tell apart by.\(nearest)")
            }
            return dimension
        }
    }

    private func formats() throws -> [ReportFormat] {
        guard let format else { return ReportFormat.allCases }
        guard let known = ReportFormat(rawValue: format) else {
            throw ValidationError("There is no format \"\(format)\": csv, json or html.")
        }
        return [known]
    }
}
