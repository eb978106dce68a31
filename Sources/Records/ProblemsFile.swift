import Core

/// `problems.csv`: what is wrong with a job, where, and what to do about it; never a cell's value.
enum ProblemsFile {
    static let name = "problems.csv"
    static let columns = ["file", "line", "column", "problem", "fix"]

    static func text(of problems: [Diagnostic]) -> [UInt8] {
        var csv = SpreadsheetCSV(columns: columns)
        for problem in problems {
            csv.cell(problem.place?.file ?? "")
            position(problem.place?.line ?? 0, &csv)
            position(problem.place?.column ?? 0, &csv)
            csv.cell((problem.severity == .warning ? "warning: " : "") + problem.problem)
            csv.cell(problem.fix)
            csv.endLine()
        }
        return csv.take()
    }

    /// What is not known is left empty.
    private static func position(_ value: Int, _ csv: inout SpreadsheetCSV) {
        if value > 0 { csv.number(value) } else { csv.empty() }
    }
}
