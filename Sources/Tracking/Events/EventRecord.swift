internal import Core

/// An event as it is kept for folding: 32 bytes, texts by their numbers.
struct EventRecord: Sendable {
    let milliseconds: Int64
    let why: UInt32
    let place: UInt32
    let address: UInt32
    let visitor: UInt32
    private let linkNumber: UInt16
    private let kindNumber: UInt8
    private let deviceNumber: UInt8
    let isAutomated: Bool
    let isHead: Bool

    private static let noLink = UInt16.max

    init(_ event: Event, _ classifier: Classifier, _ texts: inout EventTexts) {
        let verdict = classifier.judged(event)
        let device = classifier.devices[verdict.why] ?? classifier.device(of: event.agent)
        milliseconds = event.milliseconds
        isAutomated = verdict.audience == .automated
        isHead = event.method == "HEAD"
        why = texts.number(event.reason ?? verdict.why)
        place = event.place.map { texts.number([$0.country, $0.region, $0.city].joined(separator: "\t")) } ?? 0
        address = event.address.map { texts.number($0) } ?? 0
        linkNumber = event.link.map { UInt16(clamping: $0) } ?? Self.noLink
        kindNumber = UInt8(Event.Kind.allCases.firstIndex(of: event.kind) ?? 0)
        deviceNumber = UInt8(DeviceFamily.allCases.firstIndex(of: device) ?? 0)
        visitor = event.visitor?.value ?? Self.mark(event.agent)
    }

    var kind: Event.Kind {
        Event.Kind.allCases[Int(kindNumber)]
    }

    var device: DeviceFamily {
        DeviceFamily.allCases[Int(deviceNumber)]
    }

    var link: Int? {
        linkNumber == Self.noLink ? nil : Int(linkNumber)
    }

    /// Whether it is an open or a click.
    var isRequest: Bool {
        kind == .open || kind == .click
    }

    var isDecoy: Bool {
        kind == .click && linkNumber == 0
    }

    /// An order that depends on nothing but the events.
    func precedes(_ other: EventRecord, _ texts: EventTexts) -> Bool {
        let left = (milliseconds, kindNumber, linkNumber, visitor)
        let right = (other.milliseconds, other.kindNumber, other.linkNumber, other.visitor)
        if left != right { return left < right }
        if isHead != other.isHead { return isHead }
        if isAutomated != other.isAutomated { return isAutomated }
        if deviceNumber != other.deviceNumber { return deviceNumber < other.deviceNumber }
        return (texts[why], texts[place], texts[address]) < (texts[other.why], texts[other.place], texts[other.address])
    }

    func tracked(isAutomated: Bool, why: String, _ texts: EventTexts) -> TrackedEvent {
        let place = texts[place].split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        return TrackedEvent(
            kind: kind.rawValue,
            milliseconds: milliseconds,
            link: link,
            isAutomated: isAutomated,
            why: why,
            device: isRequest ? device.rawValue : "",
            visitor: isRequest ? VisitorMark(value: visitor).description : "",
            address: texts[address],
            country: place.first ?? "",
            region: place.count > 1 ? place[1] : "",
            city: place.count > 2 ? place[2] : ""
        )
    }

    /// A mark for events that were recorded without one: the same for the same agent (FNV-1a).
    private static func mark(_ agent: String) -> UInt32 {
        agent.utf8.reduce(0x811C_9DC5 as UInt32) { ($0 ^ UInt32($1)) &* 0x0100_0193 } & 0xFF_FFFF
    }
}

/// The texts of a job's events, each kept once.
struct EventTexts: Sendable {
    private var numbers: [String: UInt32] = ["": 0]
    private var texts = [""]

    mutating func number(_ text: String) -> UInt32 {
        if let known = numbers[text] { return known }
        let number = UInt32(texts.count)
        numbers[text] = number
        texts.append(text)
        return number
    }

    subscript(number: UInt32) -> String {
        texts[Int(number)]
    }
}

/// The events of one row: the first ones one by one, what came behind them in numbers.
struct RowEvents: Sendable {
    private var records: [EventRecord] = []
    /// None or one, so that the many rows without it need no room for it.
    private var overflow: [RowActivity] = []

    mutating func add(_ record: EventRecord, _ texts: EventTexts) {
        records.append(record)
        if records.count >= 2 * JobActivity.mostEvents { shorten(texts) }
    }

    /// The first events in order, and the others' numbers.
    func ordered(_ texts: EventTexts) -> (records: [EventRecord], overflow: RowActivity) {
        var copy = self
        copy.shorten(texts)
        return (copy.records, copy.overflow.first ?? RowActivity())
    }

    /// Keeps the earliest, whatever the order in which they came: what goes now has enough others before it for good.
    private mutating func shorten(_ texts: EventTexts) {
        records.sort { $0.precedes($1, texts) }
        guard records.count > JobActivity.mostEvents else { return }
        var counts = overflow.first ?? RowActivity()
        for record in records[JobActivity.mostEvents...] {
            let event = record.tracked(isAutomated: record.isAutomated, why: texts[record.why], texts)
            counts.count(record.kind, event)
        }
        overflow = [counts]
        records.removeLast(records.count - JobActivity.mostEvents)
    }
}
