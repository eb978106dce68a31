import Core
import Records

/// `2026-11.csv`: one line for the whole, and one for each value of each dimension.
enum ReportCSV {
    static let columns =
        ["period", "first_day", "last_day", "by", "name", "title", "rows"] + RowStatus.allCases.map(\.rawValue)
        + [
            "opened", "opens", "opens_all", "clicked", "clicks", "clicks_all", "opt_outs", "bounces", "complaints",
            "tls_1_2", "tls_1_3", "verified_pkix", "verified_pinned", "verified_dane", "verified_mta_sts",
        ]

    static func text(of report: Report) -> [UInt8] {
        var csv = SpreadsheetCSV(columns: columns)
        line(report, by: "all", name: report.site, title: report.site, report.total, &csv)
        for group in report.groups {
            for entry in group.entries {
                line(report, by: group.dimension.rawValue, name: entry.name, title: entry.title, entry.figures, &csv)
            }
        }
        return csv.take()
    }

    private static func line(
        _ report: Report,
        by dimension: String,
        name: String,
        title: String,
        _ figures: Figures,
        _ csv: inout SpreadsheetCSV
    ) {
        csv.cell("\(report.period)")
        csv.cell("\(report.period.first)")
        csv.cell("\(report.period.last)")
        csv.cell(dimension)
        csv.cell(name)
        csv.cell(title)
        csv.number(figures.rows)
        for status in RowStatus.allCases { csv.number(figures[status]) }
        for number in figures.activity { csv.number(number.count) }
        for version in ["TLSv1.2", "TLSv1.3"] { csv.number(figures.versions[version, default: 0]) }
        for verification in Figures.allVerifications {
            csv.number(figures.verifications[verification.rawValue, default: 0])
        }
        csv.endLine()
    }
}

extension Figures {
    /// The verifications, in the order of columns.
    static let allVerifications: [TLSVerification] = [.pkix, .pinned, .dane, .mtaSTS]

    /// What came back, by the names that files use.
    var activity: [(name: String, count: Int)] {
        [
            ("opened", opened), ("opens", opens), ("opens_all", allOpens), ("clicked", clicked), ("clicks", clicks),
            ("clicks_all", allClicks), ("opt_outs", optOuts), ("bounces", bounces), ("complaints", complaints),
        ]
    }
}
