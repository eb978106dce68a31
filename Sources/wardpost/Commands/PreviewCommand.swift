import ArgumentParser
import Core
import Engine
import Logging

/// `wardpost preview JOB`.
struct PreviewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview",
        abstract: "Writes the finished messages as .eml files, as they would go out; sends nothing."
    )

    @OptionGroup var options: SiteOptions

    @Argument(help: "The job: its folder's name in jobs/, or a path to it.")
    var job: String

    @Option(name: .long, help: ArgumentHelp("Which rows, as 1,5-7; the first five otherwise.", valueName: "rows"))
    var rows = RowList()

    @Option(name: .long, help: ArgumentHelp("Where the files go.", valueName: "dir"))
    var out = "preview"

    func run() async throws {
        let site = try options.open()
        let worker = try reporting { () throws(EngineError) in
            try JobWorker(site: site, log: Report.logger(.warning))
        }
        do {
            let (files, problems) = try JobPreview(worker).write(job, rows: rows.ranges, to: out)
            Report.problems(problems)
            for file in files { print(file) }
            if !problems.isEmpty { throw ExitCode(1) }
        } catch let error as EngineError {
            try reporting { () throws(EngineError) in throw error }
        }
    }
}

/// Rows as a person lists them: `1,5-7`.
struct RowList: ExpressibleByArgument {
    var ranges: [ClosedRange<UInt32>] = []

    init() {}

    init?(argument: String) {
        for part in argument.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).compactMap { UInt32($0) }
            guard let first = ends.first, let last = ends.last, first >= 1, first <= last, ends.count <= 2,
                part.split(separator: "-", omittingEmptySubsequences: false).count == ends.count
            else { return nil }
            ranges.append(first...last)
        }
        if ranges.isEmpty { return nil }
    }

    var defaultValueDescription: String { "1-5" }
}
