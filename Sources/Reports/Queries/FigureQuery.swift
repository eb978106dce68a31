import Core
import GRDB
import Tracking

/// Adds up single rows and events that a filter lets through, apart by a dimension; for what sums by day do not know.
struct FigureQuery {
    let filter: ReportFilter
    let tagger: Tagger
    let smallestDomain: Int

    /// What stands for domains with few mailboxes, and for what has none.
    static let other = "(other)"
    static let none = "(none)"
    static let notKnown = "(not known)"

    /// The figures by the dimension's value; by an empty text without a dimension.
    func figures(by dimension: Dimension?, _ db: Database) throws -> [String: Figures] {
        var figures: [String: Figures] = [:]
        try addOutcomes(by: dimension, &figures, db)
        try addEvents(by: dimension, &figures, db)
        return figures
    }

    private func addOutcomes(by dimension: Dimension?, _ figures: inout [String: Figures], _ db: Database) throws {
        var conditions = Conditions()
        if let days = filter.days {
            conditions.add("o.day BETWEEN ? AND ?", days.lowerBound.number, days.upperBound.number)
        }
        filter.jobConditions(&conditions)
        filter.rowConditions(&conditions, channel: "o.channel", domain: "o.domain", smallest: smallestDomain)
        if let states = filter.states { conditions.add("o.state", in: states.map(\.code).sorted()) }
        if let key = filter.rowKey { conditions.add("o.key = ?", tag(key)) }
        if let from = filter.from { conditions.add("o.finished >= ?", from.seconds) }
        if let before = filter.before { conditions.add("o.finished < ?", before.seconds) }
        let sql = """
            SELECT \(name(dimension, "o")), o.state, c.version, c.verification, count(*) FROM message o
            JOIN job j ON j.id = o.job JOIN channel c ON c.id = o.channel LEFT JOIN domain d ON d.id = o.domain
            \(conditions.sql) GROUP BY 1, 2, 3, 4
            """
        let rows = try GRDB.Row.fetchCursor(db, sql: sql, arguments: conditions.values)
        while let row = try rows.next() {
            guard let status = RowStatus(code: row[1]) else { continue }
            let count: Int = row[4]
            let key: String = row[0]
            figures[key, default: Figures()][status] += count
            guard status == .sent else { continue }
            figures[key, default: Figures()].versions[row[2], default: 0] += count
            figures[key, default: Figures()].verifications[row[3], default: 0] += count
        }
    }

    /// What counts once a message counts once within what the filter lets through.
    private func addEvents(by dimension: Dimension?, _ figures: inout [String: Figures], _ db: Database) throws {
        // Only what was sent has events that count.
        if let states = filter.states, !states.contains(.sent) { return }
        var conditions = Conditions()
        if let days = filter.days {
            conditions.add("e.day BETWEEN ? AND ?", days.lowerBound.number, days.upperBound.number)
        }
        filter.jobConditions(&conditions)
        filter.rowConditions(&conditions, channel: "e.channel", domain: "e.domain", smallest: smallestDomain)
        if let key = filter.rowKey { conditions.add("e.key = ?", tag(key)) }
        if let link = filter.link { conditions.add("e.link = ?", link) }
        if let from = filter.from {
            conditions.add("e.id >= ?", EventIndexer.id(ofMillisecond: from.seconds * 1_000))
        }
        if let before = filter.before {
            conditions.add("e.id < ?", EventIndexer.id(ofMillisecond: before.seconds * 1_000))
        }
        if let kinds = filter.kinds { conditions.add("k.word", in: kinds.map(\.rawValue).sorted()) }
        if let audience = filter.audience { conditions.add("a.word = ?", audience.rawValue) }
        let rows = """
            (SELECT v.*, m.domain, m.channel, m.key FROM event v
            JOIN message m ON m.job = v.job AND m.row = v.row AND m.state = \(RowStatus.sent.code))
            """
        let sql = """
            SELECT \(name(dimension, "e")), k.word, a.word, count(*), count(DISTINCT e.job << 32 | e.row)
            FROM \(rows) e JOIN job j ON j.id = e.job JOIN word k ON k.id = e.kind
            JOIN word a ON a.id = e.class JOIN channel c ON c.id = e.channel LEFT JOIN domain d ON d.id = e.domain
            \(conditions.sql) GROUP BY 1, 2, 3
            """
        let answer = try GRDB.Row.fetchCursor(db, sql: sql, arguments: conditions.values)
        while let row = try answer.next() {
            guard let kind = Event.Kind(rawValue: row[1]) else { continue }
            figures[row[0], default: Figures()].add(
                kind,
                isHuman: row[2] == Event.Audience.human.rawValue,
                count: row[3],
                first: row[4]
            )
        }
    }

    private func tag(_ key: Protected<String>) -> Int64 {
        tagger.tag(rowKey: Array(key.exposed.utf8)[...])
    }

    /// What a dimension's value is in SQL, always a text.
    private func name(_ dimension: Dimension?, _ table: String) -> String {
        func orNone(_ column: String) -> String { "CASE \(column) WHEN '' THEN '\(Self.none)' ELSE \(column) END" }
        return switch dimension {
        case nil: "''"
        case .day: "CAST(\(table).day AS TEXT)"
        case .sender: "CASE j.sender WHEN '' THEN '\(Self.notKnown)' ELSE j.sender END"
        case .senderDomain: orNone("j.sender_domain")
        case .route: orNone("c.route")
        case .list: orNone("j.list")
        case .job: "j.job"
        case .recipientDomain:
            """
            CASE WHEN d.name IS NULL THEN '\(Self.notKnown)' WHEN d.mailboxes < \(smallestDomain) THEN '\(Self.other)'
            ELSE d.name END
            """
        }
    }
}

extension Figures {
    /// Adds events of one kind and class.
    mutating func add(_ kind: Event.Kind, isHuman: Bool, count: Int, first: Int) {
        switch kind {
        case .open:
            allOpens += count
            if isHuman {
                opens += count
                opened += first
            }
        case .click:
            allClicks += count
            if isHuman {
                clicks += count
                clicked += first
            }
        case .unsubscribe: optOuts += first
        case .bounce: bounces += first
        case .complaint: complaints += first
        default: break
        }
    }
}
