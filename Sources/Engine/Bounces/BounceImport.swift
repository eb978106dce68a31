import Core
import Files
import Glibc
import Intake
public import Logging

/// Reads returned mail that somebody names: files, folders of files, Maildirs, or standard input.
public struct BounceImport: Sendable {
    private let worker: JobWorker
    private let intake: BounceIntake
    private let log: Logger

    /// Prepares to read a site's returned mail.
    public init(_ worker: JobWorker, log: Logger) throws(EngineError) {
        self.worker = worker
        self.log = log
        let site = worker.site
        intake = BounceIntake(
            site: site,
            keys: worker.keys,
            store: worker.store,
            rules: try BounceIntake.rules(of: site)
        )
    }

    /// Reads all mails, and writes anew what they change beside jobs that ended.
    ///
    /// Mails in a Maildir's `new/` are put away into its `cur/`; files and folders stay as they are.
    ///
    /// - Parameters:
    ///   - paths: Files, folders, Maildirs; `-` is standard input.
    ///   - report: Told what each mail came to.
    public func run(
        _ paths: [String],
        report: @Sendable (ReturnedMail) -> Void = { _ in }
    ) async throws(EngineError) -> BounceTotals {
        var totals = BounceTotals()
        do {
            for path in paths {
                try await read(path) { mail in
                    totals.add(mail)
                    report(mail)
                }
            }
            // Looks at the events, whether or not there was a mail.
            _ = try await intake.take([])
            let jobs = totals.jobs.union(try await intake.unwritten())
            if !jobs.isEmpty { try await TrackingUpdater(worker, log: log).once(jobs: jobs) }
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
        return totals
    }

    private func read(_ path: String, _ report: (ReturnedMail) -> Void) async throws {
        if path == "-" {
            for mail in try await intake.take([.init(name: "-", bytes: try Self.standardInput())]) { report(mail) }
        } else if let directory = try? Directory(path: path) {
            if let maildir = try Maildir(path: path) { return try await read(maildir, report) }
            let names = try directory.list().filter { name in
                !name.hasPrefix(".") && (try? directory.status(of: name))?.kind == .regular
            }
            try await read(names, report) { try MailFile.read($0, in: directory) }
        } else {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            let parent = parts.dropLast().joined(separator: "/")
            let directory: Directory
            do {
                directory = try Directory(path: parts.count > 1 ? (parent.isEmpty ? "/" : parent) : ".")
                _ = try directory.openRegular(String(parts.last ?? ""))
            } catch {
                throw EngineError(.usage, "\(error)", at: Place(file: path))
            }
            try await read([String(parts.last ?? "")], report) { try MailFile.read($0, in: directory) }
        }
    }

    private func read(_ maildir: Maildir, _ report: (ReturnedMail) -> Void) async throws {
        try await read(try maildir.waiting(), { mail in report(mail) }, put: { try maildir.putAway($0) }) {
            try maildir.read($0)
        }
        try maildir.sync()
    }

    /// Reads files a few hundred at a time.
    private func read(
        _ names: [String],
        _ report: (ReturnedMail) -> Void,
        put: (ReturnedMail) throws -> Void = { _ in },
        _ bytes: (String) throws -> [UInt8]?
    ) async throws {
        for start in stride(from: 0, to: names.count, by: BounceService.batch) {
            let part = names[start..<min(start + BounceService.batch, names.count)]
            let mails = try part.map { BounceIntake.Mail(name: $0, bytes: try bytes($0)) }
            for mail in try await intake.take(mails) {
                try put(mail)
                report(mail)
            }
        }
    }

    private static func standardInput() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < BounceIntake.mostBytes {
            let count = unsafe Glibc.read(STDIN_FILENO, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(.read, "standard input", code: errno) }
            if count == 0 { break }
            bytes += block[..<count]
        }
        return bytes
    }
}
