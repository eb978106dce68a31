import Core
import Delivery
import Files
import Intake
import Ledger
import Logging
import Synchronization

/// What people want of a running job, looked at a few times a second.
extension JobRun {
    /// What was found when the folder was looked at.
    struct Look: Sendable {
        var steering: JobFolder.Steering
        /// The file that ends the job, if one is there.
        var stop: String?
    }

    /// Looks at the folder and at the site, away from the threads that run tasks: a share can take its time.
    func look() async throws -> Look {
        let (folder, stopAll) = (job.folder, surroundings.stopAll)
        return try await Blocking.run {
            let steering = try folder.steering()
            return Look(
                steering: steering,
                stop: try stopAll() ?? (steering.controls[.stop] == nil ? nil : JobFiles.Control.stop.rawValue)
            )
        }
    }

    /// Obeys what lies in the folder until something ends the job.
    func steer(_ cause: CauseBox) async {
        var isPaused = false
        var retry = RetryFile()
        while !Task.isCancelled {
            // A reader of the table may have come upon one.
            if cause.value != nil { return }
            do {
                let look = try await look()
                source.noticeComplaints()
                if let reason = reasonToEnd(look) { return end(reason, cause) }
                let wantsPause = look.steering.controls[.pause] != nil
                let isNew = wantsPause != isPaused
                if isNew {
                    isPaused = wantsPause
                    ledger.append(isPaused ? .paused(at: .now) : .resumed(at: .now))
                }
                let opening = calendar.opening(from: .now)
                isHeldBack.withLock { $0 = (isPaused, opening) }
                if !isPaused, opening == nil {
                    source.set(.open)
                } else {
                    source.set(.shut)
                    // Rows whose envelope is out would follow as late as the server answers.
                    if source.board.snapshot.inFlight > 0 { sender.recall() }
                }
                if isNew {
                    // Only now: what is said to be obeyed is.
                    surroundings.steering.note(
                        JobFiles.Control.pause.rawValue,
                        isPaused ? "nothing is sent until it is removed" : "removed; sending goes on"
                    )
                }
                if let file = look.steering.controls[.retry], retry.isStill(file, for: surroundings.stillness) {
                    try await followRetry(file)
                    retry = RetryFile()
                }
                if look.steering.controls[.confirm] != nil {
                    try job.folder.remove(.confirm)
                    surroundings.steering.note(
                        JobFiles.Control.confirm.rawValue,
                        "removed: the job is being sent, and nothing waits to be confirmed"
                    )
                }
            } catch {
                // What cannot be looked at may hold PAUSE.
                return end(.disk("the job's folder cannot be used: \(error)"), cause)
            }
            wake()
            try? await Task.sleep(for: surroundings.interval)
        }
    }

    private func end(_ reason: Cause, _ cause: CauseBox) {
        source.set(.shut)
        cause.set(reason)
        switch reason {
        case .disk(let what):
            surroundings.log.error("the job cannot go on", metadata: ["job": "\(job.id)", "cause": "\(what)"])
        case .stopped(let file): surroundings.steering.note(file, "stopped; rows that were not begun are cancelled")
        case .halted, .changed, .deadline, .lost: break
        }
    }

    private func reasonToEnd(_ look: Look) -> Cause? {
        if surroundings.isLost() { return .lost }
        if let failure = ledger.failure { return .disk("\(failure)") }
        if let failure = source.failure { return .disk(failure) }
        if !look.steering.isInPlace {
            return .changed("the folder \(job.folder.name) was renamed or removed while the job ran")
        }
        if let file = look.stop { return .stopped(by: file) }
        if let sentence = source.halt.sentence { return .halted(sentence) }
        return Timestamp.now > calendar.deadline ? .deadline : nil
    }

    // MARK: - RETRY

    /// Follows a `RETRY` that was dropped while the job runs: rows that ended and are named are taken again, those that wait after a
    /// refusal go next.
    ///
    /// The ledger has it first, then the file is removed, then rows are opened: a crash in between asks again for rows none of
    /// which was tried meanwhile.
    private func followRetry(_ file: FileStatus) async throws {
        let name = JobFiles.Control.retry.rawValue
        let (folder, rows) = (job.folder, source.board.rows)
        let request: RetryRequest
        do {
            request = try await Blocking.run { try RetryRequest(folder) }
            if let problem = request.problem(rows: rows) { throw problem }
        } catch let error as FileError where error.isNotFound {
            // Somebody took it back.
            return
        } catch var problem as Diagnostic {
            surroundings.steering.note(name, "not followed: \(problem)")
            // It stops nothing.
            problem.severity = .warning
            try surroundings.refuse(problem)
            return try await removeRetry(file)
        }
        // One that came between the look and the reading is for the next look.
        guard try folder.directory.status(of: name) == file, source.board.hold() else { return }
        defer { source.board.letGo() }
        for selection in request.selections { ledger.append(.retried(at: .now, selection)) }
        guard await ledger.flush() else { return }
        try await removeRetry(file)
        let board = source.board
        // Before the rows are there to be taken: one whose usual day is over would end at once.
        calendar.begin(at: .now)
        let count = ledger.withRows { board.reopen($0.rows(.retry)) }
        surroundings.steering.note(name, "\(count) \(count == 1 ? "row is" : "rows are") tried again")
        surroundings.log.notice("rows are tried again", metadata: ["job": "\(job.id)", "rows": "\(count)"])
    }

    /// Takes the file away, unless it is another one by now.
    private func removeRetry(_ file: FileStatus) async throws {
        let folder = job.folder
        try await Blocking.run {
            guard try folder.directory.status(of: JobFiles.Control.retry.rawValue) == file else { return }
            try folder.remove(.retry)
            try folder.directory.sync()
        }
    }

    // MARK: - Beside

    /// Notices a table that is written to.
    func watchTable(_ cause: CauseBox) async {
        var table = TableWatch(job)
        while !Task.isCancelled {
            if let change = await table.change() {
                source.set(.shut)
                return cause.set(.changed(change))
            }
            try? await Task.sleep(for: surroundings.interval)
        }
    }

    /// When a job goes on of which only rows are left whose own time has not come.
    private func rest(_ board: JobBoard.Snapshot) -> Timestamp? {
        guard calendar.hasZones, board.postponed > 0, board.open + board.deferred + board.inFlight == 0 else {
            return nil
        }
        return source.board.earliestDue
    }

    /// Tells how far the job is until nothing is under way any more.
    ///
    /// - Parameters:
    ///   - cause: Why the run ends, if it does.
    ///   - isOver: Set when nothing is under way any more.
    ///   - bell: Rung then.
    func tell(_ cause: CauseBox, until isOver: Flag, _ bell: Bell) async {
        let meter = ProgressMeter(total: source.board.rows)
        while !isOver.isSet {
            // Before the state that came of it, so that nobody reads of something obeyed beside a state from before.
            let obeyed = surroundings.steering.all
            let (isPaused, opening) = isHeldBack.withLock { $0 }
            var progress = meter.progress(
                source.board.snapshot,
                isPaused: isPaused,
                waitingUntil: opening ?? rest(source.board.snapshot),
                zones: calendar.hasZones ? calendar.waits(at: .now) : [],
                problem: sender.problem,
                notice: sender.notice
            )
            switch cause.value {
            case .stopped(let file): progress.ending = .stopped(by: file)
            case .halted(let sentence): progress.ending = .halted(sentence)
            case .changed, .disk, .deadline, .lost, nil: break
            }
            progress.obeyed = obeyed
            let (told, report) = (progress, surroundings.report)
            try? await Blocking.run { report(told) }
            // The run's end cancels this task; what is under way is told of until its end all the same.
            await bell.waitThrough(atMost: surroundings.interval)
        }
    }
}
