/// Events on their way to the log: their lines' members, one behind the other.
struct EventBatch: Sendable {
    private(set) var bytes: [UInt8] = []
    /// Where each event's members end.
    private(set) var ends: [Int] = []

    var isEmpty: Bool { ends.isEmpty }
    var count: Int { ends.count }

    /// Appends an event.
    mutating func append(_ event: Event) {
        var line = JSONLine(continuing: bytes)
        // One buffer for all lines: it must not be copied.
        bytes = []
        event.appendMembers(to: &line)
        bytes = line.takeBytes()
        ends.append(bytes.count)
    }

    /// The members of each event, each beginning with a comma.
    func forEach(_ body: (ArraySlice<UInt8>) -> Void) {
        var start = 0
        for end in ends {
            body(bytes[start..<end])
            start = end
        }
    }

    init() {}

    /// An empty one with room for as much as another has.
    init(like other: EventBatch) {
        bytes.reserveCapacity(other.bytes.count)
        ends.reserveCapacity(other.ends.count)
    }
}
