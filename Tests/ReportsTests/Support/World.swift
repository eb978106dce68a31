import Core
import Ledger
import Records
import Testing
import Tracking

@testable import Reports

/// A site with jobs of several senders, lists and routes over some weeks, and what came back from them: by chance, the same each
/// time.
struct World {
    let site: TestSite
    private(set) var jobs: [JobID] = []
    /// Each job's totals, as its own summary has them.
    private(set) var summaries: [Summary] = []
    private(set) var rows: [[TestSite.Row]] = []

    static let senders = ["care@riverside.example", "news@riverside.example", "billing@north.example"]
    static let lists = ["", "newsletter", "reminders"]
    static let routes = ["main", "backup"]
    static let domains = ["post.example", "mail.example", "clinic.example", "münchen.example", "family.example"]

    /// Makes the site; the events of each job go to a file of their own, as those of several days do.
    init(zone: String = "UTC", jobs count: Int = 6, rows most: Int = 60) async throws {
        site = try TestSite(zone: zone)
        var chance = Chance(seed: 42)
        for number in 0..<count {
            let start = TestSite.noon + Int64(chance.next(40 * 86_400))
            let rows = (0..<(5 + chance.next(most))).map { Self.row($0, number, start, &chance) }
            let job = try await site.add(
                number,
                rows,
                sender: Self.senders[number % 3],
                list: Self.lists[chance.next(3)],
                takenUp: start
            )
            let events = Self.events(job, rows, &chance)
            try await site.append(events)
            var activity = JobActivity(job: job)
            for event in events { activity.apply(event) }
            summaries.append(try site.writeResults(number, rows, activity: activity))
            self.jobs.append(job)
            self.rows.append(rows)
        }
    }

    private static func row(_ index: Int, _ job: Int, _ start: Timestamp, _ chance: inout Chance) -> TestSite.Row {
        let key = "\(job)-\(index)"
        let domain = index == 3 ? domains[4] : domains[chance.next(4)]
        let address = "person\(chance.next(40))@\(domain)"
        let time = start + Int64(chance.next(200_000))
        switch chance.next(10) {
        case 0: return TestSite.ended(key, address, .failed, .mailboxUnknown, at: time)
        case 1: return TestSite.ended(key, address, .held, .certificateExpired, at: time)
        case 2: return TestSite.ended(key, "no address", .invalid, .addressSyntax, at: time)
        case 3: return TestSite.ended(key, address, chance.next(2) == 0 ? .suppressed : .unknown, .optedOut, at: time)
        default:
            var tls = TestSite.tls
            if chance.next(3) == 0 { tls.version = "TLSv1.2" }
            if chance.next(4) == 0 { tls.verification = .pinned }
            return TestSite.sent(key, address, at: time, route: routes[chance.next(2)], tls: tls)
        }
    }

    private static func events(_ job: JobID, _ rows: [TestSite.Row], _ chance: inout Chance) -> [Event] {
        var events: [Event] = []
        for (index, row) in rows.enumerated() {
            guard let outcome = row.outcome, outcome.status == .sent || outcome.status == .failed else { continue }
            for _ in 0..<chance.next(5) {
                let time = outcome.finishedAt + 300 + Int64(chance.next(500_000))
                let kinds: [Event.Kind] = [.open, .open, .open, .click, .click, .unsubscribe, .bounce, .complaint]
                let kind = kinds[chance.next(kinds.count)]
                let audience: Event.Audience =
                    kind == .open || kind == .click ? (chance.next(4) == 0 ? .automated : .human) : .human
                var one = event(
                    kind,
                    job,
                    UInt32(index) + 1,
                    at: time,
                    milliseconds: Int64(chance.next(1_000)),
                    link: kind == .click ? 1 + chance.next(2) : nil,
                    audience
                )
                if kind == .bounce { one.severity = .hard }
                events.append(one)
            }
        }
        return events
    }

    /// All jobs' totals added up.
    var sum: Figures {
        var sum = Figures()
        for summary in summaries {
            for status in RowStatus.allCases { sum[status] += summary.outcomes[status] }
            for (name, count) in summary.outcomes.sent(by: { $0.version }) { sum.versions[name, default: 0] += count }
            for (name, count) in summary.outcomes.sent(by: { $0.verification.rawValue }) {
                sum.verifications[name, default: 0] += count
            }
            let tracking = summary.tracking
            sum.opened += tracking.rowsOpened
            sum.opens += tracking.opens
            sum.allOpens += tracking.opens + tracking.automatedOpens
            sum.clicked += tracking.rowsClicked
            sum.clicks += tracking.clicks
            sum.allClicks += tracking.clicks + tracking.automatedClicks
            sum.optOuts += tracking.unsubscribed
            sum.bounces += tracking.bounced
            sum.complaints += tracking.complained
        }
        return sum
    }
}

/// Numbers by chance, the same from the same seed (SplitMix64).
struct Chance {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next(_ limit: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return Int((value ^ value >> 31) % UInt64(limit))
    }
}

extension ReportIndex {
    /// The sum of a report's entries by a dimension.
    func sum(_ filter: ReportFilter = ReportFilter(), by dimension: Dimension) throws -> Figures {
        try figures(filter, by: dimension).reduce(Figures()) { $0 + $1.figures }
    }

    /// Everything that an index says, to compare two of them.
    func everything() throws -> [String] {
        var lines: [String] = []
        for dimension in Dimension.allCases {
            for entry in try figures(ReportFilter(), by: dimension) { lines.append("\(dimension) \(entry)") }
        }
        for job in try jobs(ReportFilter(), Page(limit: 1_000)).entries { lines.append("\(job)") }
        for row in try rows(ReportFilter(), Page(limit: 10_000)).entries { lines.append("\(row)") }
        for event in try events(ReportFilter(), Page(limit: 10_000)).entries { lines.append("\(event)") }
        // A dictionary has no order of its own.
        return lines.map { String($0.sorted()) }
    }
}
