import Core
import GRDB
import Tracking

/// The `WHERE` of a question: its clauses and what stands for their question marks.
struct Conditions {
    private(set) var clauses: [String] = []
    private(set) var arguments: [(any DatabaseValueConvertible)?] = []

    /// Adds a clause with its values.
    mutating func add(_ clause: String, _ values: (any DatabaseValueConvertible)?...) {
        clauses.append(clause)
        arguments += values
    }

    /// Adds a clause with values from elsewhere.
    mutating func add(_ clause: String, _ values: [(any DatabaseValueConvertible)?]) {
        clauses.append(clause)
        arguments += values
    }

    /// Adds that a column has one of some values.
    mutating func add(_ column: String, in values: [some DatabaseValueConvertible]) {
        clauses.append("\(column) IN (\(values.map { _ in "?" }.joined(separator: ", ")))")
        arguments += values.map { $0 as (any DatabaseValueConvertible)? }
    }

    /// `WHERE …`, or nothing.
    var sql: String {
        clauses.isEmpty ? "" : "WHERE " + clauses.joined(separator: " AND ")
    }

    /// The values.
    var values: StatementArguments { StatementArguments(arguments) }
}

extension ReportFilter {
    /// What is asked of jobs; `j` is the job.
    func jobConditions(_ conditions: inout Conditions) {
        if let sender { conditions.add("j.sender = ?", sender.lowercased()) }
        if let senderDomain { conditions.add("j.sender_domain = ?", senderDomain.lowercased()) }
        if let job { conditions.add("j.job = ?", "\(job)") }
        if let list { conditions.add("j.list = ?", list) }
        if let onlySenderDomains {
            conditions.add("j.sender_domain", in: onlySenderDomains.map { $0.lowercased() }.sorted())
        }
        if let onlyJobs { conditions.add("j.job", in: onlyJobs.map { "\($0)" }.sorted()) }
    }

    /// What is asked of rows: `channel` and `domain` are where their numbers stand.
    ///
    /// A domain with few mailboxes is not found by its name either.
    func rowConditions(_ conditions: inout Conditions, channel: String, domain: String, smallest: Int) {
        if let route { conditions.add("\(channel) IN (SELECT id FROM channel WHERE route = ?)", route) }
        if let recipientDomain {
            conditions.add(
                "\(domain) = (SELECT id FROM domain WHERE name = ? AND mailboxes >= ?)",
                recipientDomain.lowercased(),
                smallest
            )
        }
    }

    /// Whether the answer must come from single rows and events; the sums by day do not know enough.
    var needsRows: Bool {
        rowKey != nil || link != nil || from != nil || before != nil
    }

    /// Whether anything is asked about jobs.
    var namesJobs: Bool {
        sender != nil || senderDomain != nil || job != nil || list != nil || onlySenderDomains != nil || onlyJobs != nil
    }
}
