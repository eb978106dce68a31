import Core

/// Reads a line's fields; the line is known to be authentic, so whatever does not fit is a newer format or damage in memory.
struct LineDecoder {
    private let bytes: ArraySlice<UInt8>
    /// Where each field stands, the kind first; the tag is not among them.
    private let fields: [Range<Int>]

    /// Splits a line; `bytes` ends before the tag's TAB.
    init(_ bytes: ArraySlice<UInt8>) {
        var fields: [Range<Int>] = []
        fields.reserveCapacity(8)
        var start = bytes.startIndex
        for index in bytes.indices where bytes[index] == LineFormat.tab {
            fields.append(start..<index)
            start = index + 1
        }
        fields.append(start..<bytes.endIndex)
        self.bytes = bytes
        self.fields = fields
    }

    /// The head, its links still missing, and how many there are to be.
    func header() -> (header: LedgerHeader, links: Int)? {
        // Ledgers of versions that did not note the sender have one field less.
        guard (13...14).contains(fields.count), let job = text(2).flatMap({ JobID($0) }), let time = time(3),
            let rows = number(4),
            let links = number(5), let folder = text(6), let name = text(7), let purpose = text(8), let list = text(9),
            let digest = text(10).flatMap({ Hex.decode($0) }), let domain = text(11), let version = text(12),
            rows <= Int(UInt32.max)
        else { return nil }
        let header = LedgerHeader(
            job: job,
            takenUp: time,
            folder: folder,
            name: name,
            purpose: purpose,
            list: list,
            rows: rows,
            contentDigest: digest,
            messageDomain: domain,
            version: version,
            sender: fields.count == 14 ? text(13) ?? "" : ""
        )
        return (header, links)
    }

    /// The format's version, if this is a head at all.
    var version: String? {
        guard fields.count >= 2, kind == LineFormat.head else { return nil }
        return text(1)
    }

    /// The line's first word.
    var kind: String {
        text(0) ?? ""
    }

    /// A link's number and target.
    func link() -> (number: Int, target: String)? {
        guard fields.count == 3, kind == "link", let number = number(1), let target = text(2) else { return nil }
        return (number, target)
    }

    /// A channel and its number.
    func channel() -> (number: Int, channel: Channel)? {
        guard fields.count == 8, let number = number(1), let route = text(2), let server = text(3),
            let scope = text(4), let version = text(5), let cipher = text(6), let verification = text(7)
        else { return nil }
        var channel = Channel(route: route, server: server)
        if !scope.isEmpty {
            guard let scope = TLSScope(rawValue: scope), let verification = TLSVerification(rawValue: verification)
            else { return nil }
            channel.tls = TLSEvidence(scope: scope, version: version, cipher: cipher, verification: verification)
        }
        return (number, channel)
    }

    /// A record; `nil` for a line that is none of them.
    func record(channels: [Channel], messageDomain: String) -> LedgerRecord? {
        let kind = kind
        if let status = RowStatus(rawValue: kind) {
            return ended(status, channels, messageDomain)
        }
        switch kind {
        case "tried":
            guard fields.count == 4, let row = row(), let attempt = number(2), let time = time(3) else { return nil }
            return .tried(row, attempt: attempt, at: time)
        case "deferred":
            return deferred(channels)
        default:
            return event(kind)
        }
    }

    private func ended(_ status: RowStatus, _ channels: [Channel], _ messageDomain: String) -> LedgerRecord? {
        guard fields.count == 8, let row = row(), let attempts = number(2), let time = time(3), let reason = text(4),
            let channel = channel(5, channels), var messageID = text(6), let detail = text(7)
        else { return nil }
        if bytes[fields[6]].last == UInt8(ascii: "@") { messageID += messageDomain }
        let outcome = Outcome(
            status,
            reason: Reason(rawValue: reason),
            detail: detail,
            attempts: attempts,
            finishedAt: time,
            route: channel.route,
            server: channel.server,
            tls: channel.tls,
            messageID: messageID
        )
        return .ended(row, outcome)
    }

    private func deferred(_ channels: [Channel]) -> LedgerRecord? {
        guard fields.count == 8, let row = row(), let attempts = number(2), let time = time(3), let due = self.time(4),
            let reason = text(5), let channel = channel(6, channels), let detail = text(7)
        else { return nil }
        let deferral = Deferral(
            attempts: attempts,
            at: time,
            due: due,
            reason: Reason(rawValue: reason),
            detail: detail,
            route: channel.route,
            server: channel.server,
            tls: channel.tls
        )
        return .deferred(row, deferral)
    }

    private func event(_ kind: String) -> LedgerRecord? {
        guard fields.count >= 2, let time = time(1) else { return nil }
        switch (kind, fields.count) {
        case ("started", 4):
            guard let process = number(2), let host = text(3) else { return nil }
            return .started(at: time, process: process, host: host)
        case ("tracking", 7):
            guard let opens = decision(2), let clicks = decision(4), let untracked = number(6) else { return nil }
            return .tracking(at: time, JobTracking(opens: opens, clicks: clicks, untrackedRows: untracked))
        case ("taken-over", 5):
            guard let file = number(2), let process = number(3), let host = text(4) else { return nil }
            return .takenOver(at: time, number: file, process: process, host: host)
        case ("paused", 2): return .paused(at: time)
        case ("resumed", 2): return .resumed(at: time)
        case ("stopped", 3): return text(2).map { .stopped(at: time, reason: Reason(rawValue: $0)) }
        case ("retried", 3): return text(2).flatMap { RowSelection($0) }.map { .retried(at: time, $0) }
        case ("confirmed", 3): return text(2).map { .confirmed(at: time, file: $0) }
        case ("closed", 3): return text(2).flatMap { LineFormat.counts($0) }.map { .closed(at: time, counts: $0) }
        default: return nil
        }
    }

    // MARK: - Fields

    private func row() -> RowNumber? {
        number(1).flatMap { $0 >= 1 && $0 <= Int(UInt32.max) ? RowNumber(UInt32($0)) : nil }
    }

    /// A switch, and the rule behind it.
    private func decision(_ index: Int) -> TrackingDecision? {
        guard let word = text(index), word == "on" || word == "off",
            let rule = text(index + 1).flatMap({ TrackingRule(rawValue: $0) })
        else { return nil }
        return TrackingDecision(word == "on", by: rule)
    }

    private func number(_ index: Int) -> Int? {
        number(fields[index])
    }

    private func number(_ range: Range<Int>) -> Int? {
        guard !range.isEmpty, range.count <= 18 else { return nil }
        var value = 0
        for index in range {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }

    /// A time in the form that is always written; a year has four digits here.
    private func time(_ index: Int) -> Timestamp? {
        let start = fields[index].lowerBound
        guard fields[index].count == 19, let year = number(start..<(start + 4)),
            let month = number((start + 5)..<(start + 7)), let day = number((start + 8)..<(start + 10)),
            let hour = number((start + 11)..<(start + 13)), let minute = number((start + 14)..<(start + 16)),
            let second = number((start + 17)..<(start + 19))
        else { return nil }
        return Timestamp(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    }

    private func channel(_ index: Int, _ channels: [Channel]) -> Channel? {
        if fields[index].isEmpty { return Channel(route: "", server: "") }
        guard let number = number(index), number >= 1, number <= channels.count else { return nil }
        return channels[number - 1]
    }

    private func text(_ index: Int) -> String? {
        let raw = bytes[fields[index]]
        guard raw.contains(UInt8(ascii: "\\")) else { return String(decoding: raw, as: UTF8.self) }
        var bytes: [UInt8] = []
        var rest = raw[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "t"): bytes.append(UInt8(ascii: "\t"))
            case UInt8(ascii: "n"): bytes.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "r"): bytes.append(UInt8(ascii: "\r"))
            case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "x"):
                guard let code = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)), code.count == 1 else {
                    return nil
                }
                bytes.append(code[0])
                rest = rest.dropFirst(2)
            default: return nil
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
