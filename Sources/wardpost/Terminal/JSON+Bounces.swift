import Core
import Engine
import Foundation

extension JSON {
    /// What a returned mail came to, on one line.
    static func text(_ mail: ReturnedMail) -> String {
        line(
            Mail(
                file: mail.name,
                result: mail.verdict.rawValue,
                kind: mail.facts.kind,
                form: mail.facts.form,
                severity: mail.facts.severity,
                reason: mail.facts.reason,
                status: mail.facts.status,
                consequence: mail.consequence,
                job: mail.job?.description,
                row: mail.row?.value
            )
        )
    }

    /// What all returned mails came to, on one line.
    static func text(_ totals: BounceTotals) -> String {
        let results = ReturnedMail.Verdict.allCases.map { ($0.rawValue, totals.counts[$0, default: 0]) }
        return line(Totals(read: totals.read, results: Dictionary(uniqueKeysWithValues: results)))
    }

    private struct Mail: Encodable {
        var file: String
        var result: String
        var kind: String
        var form: String
        var severity: String
        var reason: String
        var status: String
        var consequence: String
        var job: String?
        var row: UInt32?
    }

    private struct Totals: Encodable {
        var read: Int
        var results: [String: Int]
    }

    private static func line(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { preconditionFailure("these values always have a JSON form") }
        return String(decoding: data, as: UTF8.self)
    }
}
