import Compose
import Core
import Intake

/// What both readers of the recipient file do with a row.
struct RowReading: Sendable {
    let job: PreparedJob
    let source: JobSource

    /// Whether a row was left out for a lane.
    func isLeftOut(_ line: CSVRow, _ lane: Lane) -> Bool {
        guard source.board.isLeftOut(line.row.number), case .good(let recipient) = job.judge(line) else { return false }
        return source.paces.lane(of: recipient.domain) === lane
    }

    /// Queues a row that was left out; `false` if nothing more is wanted.
    func takeBack(_ line: CSVRow, _ lane: Lane) throws -> Bool {
        guard let attempts = source.board.claimLeftOut(line.row.number) else { return true }
        // Not before it is in the queue: the feeder would take its place.
        defer { source.queue.tookBack(lane) }
        switch try prepare(line, attempts, isLeftOut: true) {
        case .ready(let row): return push(row) != .refused
        case .parked, .ended: return true
        case .refused: return false
        }
    }

    /// What a claimed row comes to before it is queued.
    enum Prepared {
        /// It may stand in the main queue.
        case ready(ReadyRow)
        /// It waits for its lane or its time, here or in the table.
        case parked
        /// It ended here.
        case ended
        /// Nothing more is wanted.
        case refused
    }

    /// Looks at a claimed row and fetches what goes with it; one that has to wait for its lane is put there.
    func prepare(_ line: CSVRow, _ attempts: Int, isLeftOut: Bool = false) throws -> Prepared {
        let row = line.row.number
        let recipient: Address
        switch job.judge(line) {
        case .good(let address): recipient = address
        case .bad(let status, let reason, let detail):
            source.end(row, status, reason, detail, attempts: attempts)
            return .ended
        }
        let zone = job.zone(of: line)
        guard source.mayGo(row, attempts, zone: zone) else { return .parked }
        let lane = source.paces.lane(of: recipient.domain)
        // Looked at before its files are read: most rows of a slow lane come by here twice.
        if lane.isLimited, !source.queue.hasRoom(lane, isLeftOut: isLeftOut) {
            leaveOut(row, lane)
            return .parked
        }
        let attachments: [AttachmentContent]
        do {
            attachments = try job.attachments(of: line.row, recipient: recipient)
        } catch let problem as RowRefusal {
            source.end(row, .invalid, problem.reason, problem.detail, attempts: attempts)
            return .ended
        } catch {
            source.board.release(row)
            throw error
        }
        let ready = ReadyRow(
            row: line.row,
            recipient: recipient,
            attachments: attachments,
            attempts: attempts,
            lane: lane,
            zone: zone
        )
        return lane.isLimited ? park(ready, lane, isLeftOut: isLeftOut) : .ready(ready)
    }

    /// Puts a row into the main queue, or lets go of it.
    func push(_ ready: ReadyRow) -> RowQueue.Pushed {
        let pushed = source.queue.push(ready)
        if pushed == .refused { source.board.release(ready.row.number) }
        return pushed
    }

    private func park(_ ready: ReadyRow, _ lane: Lane, isLeftOut: Bool) -> Prepared {
        switch source.queue.park(ready, lane, isLeftOut: isLeftOut) {
        case .waits(let moment): source.alarm.set(at: moment)
        case .full: leaveOut(ready.row.number, lane)
        case .refused:
            source.board.release(ready.row.number)
            return .refused
        }
        return .parked
    }

    /// Leaves a row in the table: until its lane has room, or, where too many lanes have such rows, until its turn may have come.
    private func leaveOut(_ row: RowNumber, _ lane: Lane) {
        // On the board first, so that who is told of it finds it.
        source.board.leaveOut(row)
        guard !source.queue.leaveOut(lane), source.board.claimLeftOut(row) != nil else { return }
        source.board.postpone(row, until: .now + source.wait(lane))
    }
}
