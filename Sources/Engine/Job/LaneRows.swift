import Core
import Delivery

/// The rows of one job that wait for their recipients' domains: a short queue for each lane.
///
/// Bounded whatever the job has: so many lanes at once, so many rows for each, so many bytes together. A row that finds no
/// room stays in the table and is marked on the board; once the lane's queue has gone down to half, whoever reads the table
/// is told (``Need``) and fills it again.
struct LaneRows {
    /// How much may wait.
    struct Bounds: Sendable {
        /// How many lanes may have rows here at once.
        var lanes = 256
        /// How many rows each may have.
        var rows = 32
        /// Once all rows and their attachments have so many bytes, each lane may have one row.
        var bytes = 4 << 20
        /// For how many lanes rows may be left out at once: each costs a reader of the table.
        var readers = 16
    }

    /// A lane has room for rows that were left out.
    struct Need {
        var lane: Lane
    }

    private struct Waiting {
        let lane: Lane
        var rows: [ReadyRow?] = []
        /// Where the first of them is: taking from an array's front moves the rest.
        var first = 0
        /// Before which moment the lane gives nothing, as far as is known.
        var next: ContinuousClock.Instant
        var leftOut = 0
        var isTold = false

        var count: Int { rows.count - first }

        mutating func removeFirst() -> ReadyRow? {
            guard first < rows.count else { return nil }
            let row = rows[first].take()
            first += 1
            if first == rows.count {
                rows.removeAll(keepingCapacity: true)
                first = 0
            } else if first >= 64 {
                rows.removeFirst(first)
                first = 0
            }
            return row
        }
    }

    let bounds: Bounds
    private var lanes: [Waiting] = []
    private var bytes = 0
    private var readers = 0
    /// How many rows wait here.
    private(set) var count = 0
    /// Before which moment none of them may go; `nil` if there are none.
    private(set) var earliest: ContinuousClock.Instant?

    init(_ bounds: Bounds) {
        self.bounds = bounds
    }

    // MARK: - In

    /// Whether a row would find room.
    func hasRoom(_ lane: Lane, isLeftOut: Bool) -> Bool {
        guard let waiting = lanes.first(where: { $0.lane === lane }) else { return lanes.count < bounds.lanes }
        return waiting.count < bounds.rows && (isLeftOut || waiting.leftOut == 0)
            && (waiting.count == 0 || bytes < bounds.bytes)
    }

    /// Adds a row if there is room.
    mutating func push(_ row: ReadyRow, _ lane: Lane, isLeftOut: Bool) -> RowQueue.Parked {
        let index: Int
        if let found = lanes.firstIndex(where: { $0.lane === lane }) {
            // Rows that were left out go first.
            guard isLeftOut || lanes[found].leftOut == 0 else { return .full }
            index = found
        } else {
            guard lanes.count < bounds.lanes else { return .full }
            // Whoever takes a row first asks the lane itself.
            lanes.append(Waiting(lane: lane, next: lane.begun))
            index = lanes.count - 1
        }
        let count = lanes[index].count
        guard count < bounds.rows, count == 0 || bytes < bounds.bytes else { return .full }
        add(row, at: index)
        return .waits(lanes[index].next)
    }

    /// Adds a row that was let out of the job's main queue too early, whether or not there is room.
    mutating func append(_ row: ReadyRow, _ lane: Lane, until moment: ContinuousClock.Instant) {
        let index: Int
        if let found = lanes.firstIndex(where: { $0.lane === lane }) {
            index = found
        } else {
            lanes.append(Waiting(lane: lane, next: moment))
            index = lanes.count - 1
        }
        lanes[index].next = moment
        add(row, at: index)
    }

    private mutating func add(_ row: ReadyRow, at index: Int) {
        lanes[index].rows.append(row)
        bytes += row.size
        count += 1
        let next = lanes[index].next
        earliest = earliest.map { min($0, next) } ?? next
    }

    // MARK: - Out

    /// The next row whose lane gives way, with what its lane needs.
    mutating func removeFirst(at now: ContinuousClock.Instant) -> (ReadyRow, Need?)? {
        guard var moment = earliest, moment <= now else { return nil }
        defer { earliest = firstDue.map { lanes[$0].next } }
        while moment <= now, let index = firstDue {
            moment = lanes[index].next
            guard moment <= now else { return nil }
            switch lanes[index].lane.take(at: now) {
            case .notBefore(let later): lanes[index].next = later
            case .go:
                guard let row = lanes[index].removeFirst() else { return nil }
                bytes -= row.size
                count -= 1
                return (row, taken(at: index))
            }
        }
        return nil
    }

    /// The lane with rows whose turn comes first.
    private var firstDue: Int? {
        var found: Int?
        for index in lanes.indices where lanes[index].count > 0 {
            if let best = found, lanes[best].next <= lanes[index].next { continue }
            found = index
        }
        return found
    }

    private mutating func taken(at index: Int) -> Need? {
        let lane = lanes[index].lane
        if lanes[index].leftOut > 0 {
            guard !lanes[index].isTold, lanes[index].count <= bounds.rows / 2 else { return nil }
            lanes[index].isTold = true
            return Need(lane: lane)
        }
        dropIfEmpty(index)
        return nil
    }

    private mutating func dropIfEmpty(_ index: Int) {
        if lanes[index].count == 0, lanes[index].leftOut == 0, !lanes[index].isTold { lanes.swapRemove(index) }
    }

    /// Everything, in no order.
    mutating func removeAll() -> [ReadyRow] {
        let rows = lanes.flatMap { $0.rows.compactMap { $0 } }
        lanes = []
        count = 0
        bytes = 0
        earliest = nil
        return rows
    }

    // MARK: - Rows that stay in the table

    /// Notes that a row found no room; `false` if too many lanes have such rows.
    mutating func leaveOut(_ lane: Lane) -> Bool {
        guard let index = lanes.firstIndex(where: { $0.lane === lane }) else { return false }
        if lanes[index].leftOut == 0 {
            guard readers < bounds.readers else { return false }
            readers += 1
        }
        lanes[index].leftOut += 1
        return true
    }

    func leftOut(_ lane: Lane) -> Int {
        lanes.first { $0.lane === lane }?.leftOut ?? 0
    }

    func count(_ lane: Lane) -> Int {
        lanes.first { $0.lane === lane }?.count ?? 0
    }

    /// A row that was left out is here, or at its end.
    mutating func tookBack(_ lane: Lane) {
        guard let index = lanes.firstIndex(where: { $0.lane === lane }), lanes[index].leftOut > 0 else { return }
        lanes[index].leftOut -= 1
        if lanes[index].leftOut == 0 { readers -= 1 }
    }

    /// No row is left out, whatever was noted: all are open again, those of other lanes, too.
    mutating func tookAllBack() {
        for index in lanes.indices { lanes[index].leftOut = 0 }
        readers = 0
    }

    /// The lane's need was seen to; says whether there is another already.
    mutating func endNeed(_ lane: Lane) -> Bool {
        guard let index = lanes.firstIndex(where: { $0.lane === lane }) else { return false }
        if lanes[index].leftOut > 0, lanes[index].count <= bounds.rows / 2 { return true }
        lanes[index].isTold = false
        dropIfEmpty(index)
        return false
    }
}

extension Array {
    /// Removes an element by putting the last one in its place.
    fileprivate mutating func swapRemove(_ index: Int) {
        swapAt(index, count - 1)
        removeLast()
    }
}
