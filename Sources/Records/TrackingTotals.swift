public import Core

/// What came back from a job's messages, in numbers.
public struct TrackingTotals: Hashable, Sendable {
    /// Sent rows.
    public private(set) var rows = 0
    /// Sent rows that a person opened, as far as can be told.
    public private(set) var rowsOpened = 0
    /// Sent rows in which a person clicked, as far as can be told.
    public private(set) var rowsClicked = 0
    /// Opens by people.
    public private(set) var opens = 0
    /// Opens by machines.
    public private(set) var automatedOpens = 0
    /// Clicks by people.
    public private(set) var clicks = 0
    /// Clicks by machines.
    public private(set) var automatedClicks = 0
    /// People's clicks by link; links count from 1.
    public private(set) var clicksByLink: [Int: Int] = [:]
    /// Rows whose recipients opted out.
    public private(set) var unsubscribed = 0
    /// Rows whose messages came back.
    public private(set) var bounced = 0
    /// Rows whose recipients complained.
    public private(set) var complained = 0
    /// Rows that people opened or clicked in on more than one device.
    public private(set) var rowsOnSeveralDevices = 0
    /// People's devices by the name of their family, counted row by row.
    public private(set) var devices: [String: Int] = [:]
    /// Why opens and clicks count as automated, and how many.
    public private(set) var automatedReasons: [String: Int] = [:]
    /// When the last of all this happened.
    public private(set) var last: Timestamp?

    /// Nothing counted yet.
    public init() {}

    /// Counts one sent row.
    public mutating func add(_ activity: RowActivity) {
        rows += 1
        rowsOpened += activity.opens.count > 0 ? 1 : 0
        rowsClicked += activity.clicks.count > 0 ? 1 : 0
        opens += Int(activity.opens.count)
        automatedOpens += Int(activity.automatedOpens.count)
        clicks += Int(activity.clicks.count)
        automatedClicks += Int(activity.automatedClicks.count)
        for (link, count) in activity.clicksByLink { clicksByLink[link, default: 0] += Int(count) }
        rowsOnSeveralDevices += activity.deviceCount > 1 ? 1 : 0
        for (family, count) in activity.devices { devices[family, default: 0] += Int(count) }
        for (reason, count) in activity.automatedReasons { automatedReasons[reason, default: 0] += Int(count) }
        unsubscribed += activity.unsubscribedAt == nil ? 0 : 1
        bounced += activity.bouncedAt == nil ? 0 : 1
        complained += activity.complainedAt == nil ? 0 : 1
        for time in [
            activity.opens.last, activity.automatedOpens.last, activity.clicks.last, activity.automatedClicks.last,
            activity.unsubscribedAt, activity.bouncedAt, activity.complainedAt,
        ] {
            guard let time else { continue }
            last = last.map { max($0, time) } ?? time
        }
    }

    /// Whether nothing came back from any row.
    public var isEmpty: Bool {
        last == nil
    }
}
