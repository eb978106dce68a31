import Core

/// Writes records as lines into one buffer, with room for each line's tag.
struct LineEncoder {
    /// The lines not yet taken.
    var buffer: [UInt8] = []
    /// The channels that rows may refer to.
    var channels = ChannelTable()
    /// `@` and the domain of the job's Message-IDs; empty if they are written in full.
    private let messageSuffix: [UInt8]
    private var moment: Timestamp?
    private var momentText: [UInt8] = []

    /// More of a server's text than this is no use to anybody.
    static let longestDetail = 1_024
    private static let room =
        [UInt8(ascii: "\t")] + Array(repeating: UInt8(ascii: "-"), count: 32)
        + [UInt8(ascii: "\n")]
    private static let hex = Array("0123456789abcdef".utf8)

    init(messageDomain: String) {
        messageSuffix = messageDomain.isEmpty ? [] : Array("@\(messageDomain)".utf8)
    }

    /// The head's line, and one for each link.
    mutating func append(_ header: LedgerHeader) {
        buffer.append(contentsOf: LineFormat.head.utf8)
        field(LineFormat.version)
        field(header.job.description)
        field(header.takenUp)
        field(header.rows)
        field(header.links.count)
        field(header.folder)
        field(header.name)
        field(header.purpose)
        field(header.list)
        field(Hex.encode(header.contentDigest))
        field(header.messageDomain)
        field(header.version)
        field(header.sender)
        end()
        for (index, target) in header.links.enumerated() {
            buffer.append(contentsOf: "link".utf8)
            field(index + 1)
            field(target)
            end()
        }
    }

    /// A record's line.
    mutating func append(_ record: LedgerRecord, channel: Int) {
        switch record {
        case .tried(let row, let attempt, let time):
            begin("tried", row, attempt, time)
        case .ended(let row, let outcome):
            begin(outcome.status.rawValue, row, outcome.attempts, outcome.finishedAt)
            field(outcome.reason.rawValue)
            field(channel: channel)
            field(messageID: outcome.messageID)
            field(outcome.detail, limit: Self.longestDetail)
        case .deferred(let row, let deferral):
            begin("deferred", row, deferral.attempts, deferral.at)
            field(deferral.due)
            field(deferral.reason.rawValue)
            field(channel: channel)
            field(deferral.detail, limit: Self.longestDetail)
        case .started(let time, let process, let host):
            begin("started", time)
            field(process)
            field(host)
        case .tracking(let time, let tracking):
            begin("tracking", time)
            for act in TrackedAct.allCases {
                field(tracking[act].isOn ? "on" : "off")
                field(tracking[act].rule.rawValue)
            }
            field(tracking.untrackedRows)
        case .takenOver(let time, let number, let process, let host):
            begin("taken-over", time)
            field(number)
            field(process)
            field(host)
        case .paused(let time):
            begin("paused", time)
        case .resumed(let time):
            begin("resumed", time)
        case .stopped(let time, let reason):
            begin("stopped", time)
            field(reason.rawValue)
        case .retried(let time, let selection):
            begin("retried", time)
            field(selection.description)
        case .confirmed(let time, let file):
            begin("confirmed", time)
            field(file)
        case .closed(let time, let counts):
            begin("closed", time)
            field(LineFormat.text(of: counts))
        }
        end()
    }

    /// A channel's line.
    mutating func append(_ channel: Channel, number: Int) {
        buffer.append(contentsOf: "channel".utf8)
        field(number)
        field(channel.route)
        field(channel.server)
        field(channel.tls?.scope.rawValue ?? "")
        field(channel.tls?.version ?? "")
        field(channel.tls?.cipher ?? "")
        field(channel.tls?.verification.rawValue ?? "")
        end()
    }

    // MARK: - Fields

    private mutating func begin(_ kind: String, _ time: Timestamp) {
        buffer.append(contentsOf: kind.utf8)
        field(time)
    }

    private mutating func begin(_ kind: String, _ row: RowNumber, _ attempts: Int, _ time: Timestamp) {
        buffer.append(contentsOf: kind.utf8)
        field(Int(row.value))
        field(attempts)
        field(time)
    }

    private mutating func end() {
        buffer.append(contentsOf: Self.room)
    }

    private mutating func field(_ number: Int) {
        buffer.append(LineFormat.tab)
        guard number >= 10 else {
            // Nothing that is counted here is below zero.
            buffer.append(UInt8(ascii: "0") + UInt8(max(0, number)))
            return
        }
        let start = buffer.count
        var rest = number
        while rest > 0 {
            buffer.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
        buffer[start...].reverse()
    }

    private mutating func field(channel: Int) {
        if channel == 0 {
            buffer.append(LineFormat.tab)
        } else {
            field(channel)
        }
    }

    private mutating func field(_ time: Timestamp) {
        // A thousand records a second share one text.
        if time != moment {
            moment = time
            momentText = Array(time.description.utf8)
        }
        buffer.append(LineFormat.tab)
        buffer.append(contentsOf: momentText)
    }

    private mutating func field(_ text: String, limit: Int = .max) {
        buffer.append(LineFormat.tab)
        append(text: text.utf8, limit: limit)
    }

    /// A Message-ID without the domain that all share; one that ends in `@` by itself has that sign escaped.
    private mutating func field(messageID: String) {
        buffer.append(LineFormat.tab)
        let bytes = messageID.utf8
        if !messageSuffix.isEmpty, bytes.count > messageSuffix.count,
            bytes.suffix(messageSuffix.count).elementsEqual(messageSuffix)
        {
            append(text: bytes.prefix(bytes.count - messageSuffix.count), limit: .max)
            buffer.append(UInt8(ascii: "@"))
        } else if bytes.last == UInt8(ascii: "@") {
            append(text: bytes.prefix(bytes.count - 1), limit: .max)
            buffer.append(contentsOf: "\\x40".utf8)
        } else {
            append(text: bytes, limit: .max)
        }
    }

    private mutating func append(text: some Collection<UInt8>, limit: Int) {
        let start = buffer.count
        buffer.append(contentsOf: text)
        if buffer.count - start > limit {
            var end = start + limit
            while end > start, buffer[end] & 0xC0 == 0x80 { end -= 1 }
            buffer.removeLast(buffer.count - end)
        }
        // C1 controls are C2 80 to C2 9F.
        let plain = buffer[start...].allSatisfy {
            $0 >= 0x20 && $0 != UInt8(ascii: "\\") && $0 != 0x7F && $0 != 0xC2
        }
        if !plain { escape(from: start) }
    }

    /// Rewrites the last field with backslashes for whatever would break a line or steer a terminal.
    private mutating func escape(from start: Int) {
        let raw = Array(buffer[start...])
        buffer.removeLast(raw.count)
        var index = 0
        while index < raw.count {
            let byte = raw[index]
            switch byte {
            case UInt8(ascii: "\t"): buffer.append(contentsOf: "\\t".utf8)
            case UInt8(ascii: "\n"): buffer.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): buffer.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\\"): buffer.append(contentsOf: "\\\\".utf8)
            case 0x00..<0x20, 0x7F: hexadecimal(byte)
            case 0xC2 where index + 1 < raw.count && raw[index + 1] < 0xA0:
                hexadecimal(byte)
                hexadecimal(raw[index + 1])
                index += 1
            default: buffer.append(byte)
            }
            index += 1
        }
    }

    private mutating func hexadecimal(_ byte: UInt8) {
        buffer.append(contentsOf: "\\x".utf8)
        buffer.append(Self.hex[Int(byte >> 4)])
        buffer.append(Self.hex[Int(byte & 15)])
    }
}
