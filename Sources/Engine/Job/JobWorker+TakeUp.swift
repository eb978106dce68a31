import Compose
import Core
import Files
import Intake
import Ledger
import Logging

/// From a folder to the run that it goes out as.
extension JobWorker {
    /// Checks a folder, finds out what was sent of it, and works what is left.
    func choose(
        _ folder: JobFolder,
        _ lock: Lease,
        _ report: @escaping @Sendable (JobProgress) -> Void
    ) async throws -> Result {
        let name = folder.name
        let marker = folder.marker
        let wantsRetry = folder.has(.retry)
        let isConfirmed = folder.has(.confirm)
        if let marker {
            let goesOn = marker == .held ? isConfirmed || wantsRetry : wantsRetry && marker != .rejected
            guard goesOn else { return .finishedBefore(marker.rawValue) }
        }
        var asked: RetryRequest?
        do {
            if wantsRetry, try await RetryFile.settle(folder, for: tuning.stillness) {
                asked = try RetryRequest(folder)
            }
        } catch let problem as Diagnostic {
            return refuse(problem, folder, lock)
        }
        let retry = asked?.selections ?? []
        let output = JobOutput(folder, site: site, keys: keys, classifier: classifier, lease: lock)
        let checker = JobChecker(site: site, keys: keys)
        let snapshot = SubscriberSnapshot(site: site, keys: keys)
        let active = try claims.active(name)
        let (hasTaken, difference) = try await Blocking.run {
            let hasTaken = try snapshot.take(in: folder, lock)
            // A job that was begun has the subscribers that it was begun with.
            return (hasTaken, hasTaken || active != nil || marker != nil ? nil : try snapshot.difference(in: folder))
        }
        var finding = try await Blocking.run { checker.check(folder) }
        if let difference { finding.problems.append(difference) }
        if let passing = finding.problems.first(where: \.mayPass) {
            // The disk did not let us look: that is no word on the job.
            let sentence = "the job's files cannot be read now: \(passing)"
            output.pause("The job cannot go on now: \(sentence)")
            return .tryAgain(sentence)
        }
        try output.write(problems: finding.problems)
        guard let job = finding.job else {
            let problems = finding.problems.filter { $0.severity == .error }
            if let active, try await wasCutShort(active) {
                return hold(
                    folder,
                    lock,
                    "The job was taken up as \(active), some of it may have been sent, and now it cannot go on: see"
                        + " problems.csv. Put the files back as they were and remove HELD to go on.",
                    nil
                )
            }
            if hasTaken { try snapshot.remove(from: folder, lock) }
            try output.reject(problems)
            log.notice("job rejected", metadata: ["folder": "\(name)", "problems": "\(problems.count)"])
            return .rejected(finding.problems)
        }
        if let problem = asked?.problem(rows: job.rowCount) { return refuse(problem, folder, lock) }
        // The check may have taken a while.
        if let sentence = try site.stopAllSentence() { return .suspended(sentence) }
        do {
            try output.probe()
        } catch {
            return .tryAgain("nothing was sent, since results could not be written: \(error)")
        }
        if let active, active.digest != job.id.digest, !isConfirmed, try await wasCutShort(active) {
            return hold(
                folder,
                lock,
                "The files were changed after the job was taken up as \(active), and some of it may have been sent."
                    + " Put the files back as they were and remove HELD to go on, drop the rest as a new job, or drop an"
                    + " empty file CONFIRM to send these files to every row.",
                nil
            )
        }
        let selection = RunSelection(
            store: store,
            folder: name,
            active: active,
            isConfirmed: isConfirmed,
            wantsRetry: wantsRetry,
            isThere: { [site] in (try? site.jobs().status(of: $0)) != nil }
        )
        switch try await selection.choose(job.id) {
        case .busy: return .busy
        case .held(let sentence): return hold(folder, lock, sentence, nil)
        case .new(let id, let isRepetition):
            // Files that were mended after the job had ended are a new job to us, and RETRY is no word for mailing everybody
            // again.
            if marker != nil, wantsRetry, !isConfirmed, try folder.directory.status(of: JobFiles.results) != nil {
                return hold(
                    folder,
                    lock,
                    "RETRY tries again what was not sent, but the files are not those that were sent. Put them back and drop"
                        + " RETRY, drop the rows that are left as a new job, or drop an empty file CONFIRM to send these"
                        + " files to every row.",
                    nil
                )
            }
            let job = job.under(checker.identity(id, job.run.contentDigest, takenUp: job.run.takenUp, job.manifest))
            try claims.note(name, id)
            let ledger = try store.create(header(job))
            let request = Request(confirmation: isRepetition ? .confirm : nil, retry: retry)
            return try await self.run(job, ledger, request, lock, output, report)
        case .replace(let id):
            let job = job.under(checker.identity(id, job.run.contentDigest, takenUp: job.run.takenUp, job.manifest))
            try claims.note(name, id)
            let ledger = try store.create(header(job), acceptingLoss: true)
            let request = Request(confirmation: isConfirmed ? .confirm : .retry, retry: retry, isLossy: true)
            return try await self.run(job, ledger, request, lock, output, report)
        case .recover(let ledger):
            let request = Request(confirmation: isConfirmed ? .confirm : .retry, retry: retry, isLossy: true)
            let job = try resumed(job, ledger, checker)
            return try await self.run(job, ledger, request, lock, output, report)
        case .resume(let ledger):
            // A halted job that somebody confirms goes on with what was not tried.
            let isGoingOn = isConfirmed && asked == nil && ledger.run.stopped == .halted
            let request = Request(retry: isGoingOn ? [.statuses([.cancelled])] : retry)
            let job = try resumed(job, ledger, checker)
            return try await self.run(job, ledger, request, lock, output, report)
        }
    }

    /// The job under the identity that its ledger has, noted as this folder's.
    private func resumed(_ job: PreparedJob, _ ledger: LedgerWriter, _ checker: JobChecker) throws -> PreparedJob {
        let header = ledger.header
        if header.folder != job.folder.name { try claims.forget(header.folder) }
        try claims.note(job.folder.name, header.job)
        return job.under(
            checker.identity(header.job, header.contentDigest, takenUp: header.takenUp, job.manifest)
        )
    }

    /// Whether a job that this folder was worked as may have sent a part of what was in it.
    private func wasCutShort(_ job: JobID) async throws -> Bool {
        do {
            let run = try await Blocking.run { [store] in try store.read(job).run }
            return run.closed == nil || run.stopped == .contentChanged
        } catch let error as LedgerError {
            switch error {
            // The process ended before anything could be sent; unless the witness saw more than that.
            case .notFound, .unfinished: return try store.contains(job)
            default: throw error
            }
        }
    }

    private func header(_ job: PreparedJob) -> LedgerHeader {
        LedgerHeader(
            job: job.id,
            takenUp: job.run.takenUp,
            folder: job.folder.name,
            name: job.manifest.name.value,
            purpose: job.manifest.purpose.value.rawValue,
            list: job.list,
            rows: job.rowCount,
            contentDigest: job.run.contentDigest,
            messageDomain: job.sender.domain,
            version: Version.current,
            sender: job.sender.text,
            links: job.composer.links.map(\.target)
        )
    }
}
