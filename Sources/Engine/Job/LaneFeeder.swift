import Core
import Dispatch
import Intake
import Synchronization

/// Reads the recipient file for lanes whose queue was full when the feeder came by.
///
/// Each such lane has a reader of its own, which goes on when the lane's queue has gone down to half and stops when it is full: so a
/// million rows to one slow provider cost one more pass over the table, however many days they take, and hold nobody up. Runs
/// on a thread of its own, since reading blocks.
final class LaneFeeder: Sendable {
    private struct Cursor {
        let reader: CSVReader
        var line = CSVRow()
        /// Whether the line was read and its row found no room.
        var isHeld = false
    }

    private let rows: RowReading
    private let fail: @Sendable (RowFeeder.End) -> Void
    private let thread = DispatchQueue(label: "wardpost.lanes")
    /// Used on the thread only.
    private let cursors: Mutex<[ObjectIdentifier: Cursor]> = Mutex([:])
    private let passCount = Atomic(0)

    init(_ rows: RowReading, fail: @escaping @Sendable (RowFeeder.End) -> Void) {
        self.rows = rows
        self.fail = fail
    }

    /// How often the table was begun.
    var passes: Int { passCount.load(ordering: .relaxed) }

    /// A lane has room; returns at once.
    func need(_ lane: Lane) {
        thread.async { [self] in
            do {
                try cursors.withLock { cursors in
                    repeat { try fill(lane, &cursors) } while rows.source.queue.endNeed(lane)
                }
            } catch {
                fail(RowFeeder.End(error))
            }
        }
    }

    private func fill(_ lane: Lane, _ cursors: inout [ObjectIdentifier: Cursor]) throws {
        let id = ObjectIdentifier(lane)
        let queue = rows.source.queue
        var isWhole = false
        var cursor: Cursor
        if let known = cursors.removeValue(forKey: id) {
            cursor = known
        } else {
            cursor = Cursor(reader: try rows.job.table.reader())
            passCount.add(1, ordering: .relaxed)
            isWhole = true
        }
        var taken = 0
        while queue.leftOut(lane) > 0 {
            if !cursor.isHeld {
                guard try cursor.reader.next(into: &cursor.line) else {
                    // What is still left out lies before where the reader began: the next one finds it.
                    guard isWhole, taken == 0 else { return }
                    queue.tookAllBack()
                    return rows.source.board.openLeftOut()
                }
            }
            cursor.isHeld = false
            guard rows.isLeftOut(cursor.line, lane) else { continue }
            guard queue.hasRoom(lane, isLeftOut: true) else {
                cursor.isHeld = true
                break
            }
            taken += 1
            guard try rows.takeBack(cursor.line, lane) else { return }
        }
        // Rows that the feeder leaves out from now on lie further down, as long as it has not begun anew.
        if cursor.isHeld || rows.source.isFeeding { cursors[id] = cursor }
    }
}
