import Core
import Files
import Intake
import Records

/// Where the jobs of a site stand, by what lies in their folders.
public struct JobOverview: Sendable {
    /// One job's standing.
    public struct Entry: Sendable {
        /// The folder's name.
        public var folder: String
        /// One of `status.json`'s states.
        public var state: String
        /// A sentence for a person; empty if the state says it all.
        public var message: String
        /// `status.json` as it stands, if there is one.
        public var status: [UInt8]?
    }

    private let site: Site
    private let claims: JobClaims

    /// Looks at a site; needs no keys.
    public init(site: Site) throws(EngineError) {
        self.site = site
        claims = try JobClaims(site: site)
    }

    /// All jobs, by their folders' names.
    public func all() throws(EngineError) -> [Entry] {
        let jobs = try site.jobs()
        do {
            return try jobs.list().filter { !$0.hasPrefix(".") && (try? jobs.status(of: $0))?.kind == .directory }
                .map { entry($0, jobs) }
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }

    /// One job, as a person named it.
    public func one(_ text: String) throws(EngineError) -> Entry {
        let name = try site.jobName(text)
        let jobs = try site.jobs()
        guard (try? jobs.status(of: name))?.kind == .directory else {
            throw EngineError(.usage, "there is no job \(name) in jobs/")
        }
        return entry(name, jobs)
    }

    private func entry(_ name: String, _ jobs: Directory) -> Entry {
        let folder: JobFolder
        do {
            folder = try JobFolder(name, in: jobs)
        } catch {
            return Entry(folder: name, state: "rejected", message: error.problem, status: nil)
        }
        let status = try? folder.directory.read(JobFiles.status, limit: 1 << 16)
        if let marker = folder.marker {
            let text = (try? folder.directory.read(marker.rawValue, limit: 1 << 12)) ?? []
            let message = String(decoding: text, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
            return Entry(folder: name, state: marker.rawValue.lowercased(), message: message, status: status)
        }
        if claims.isLocked(name) {
            // What its worker says: that it waits, and until when, or what keeps it.
            let told = status.flatMap { JobStatus.standing(in: $0) }
            let state = folder.has(.pause) ? "paused" : told?.state == .waiting ? "waiting" : "running"
            return Entry(folder: name, state: state, message: told?.message ?? "", status: status)
        }
        if let stop = try? site.stopAllSentence() {
            return Entry(folder: name, state: "waiting", message: "\(stop).", status: status)
        }
        if let active = try? claims.active(name) {
            let message = "Interrupted as job \(active); `wardpost watch` or `send` goes on with it."
            return Entry(folder: name, state: "waiting", message: message, status: status)
        }
        var scan = FolderScan(name, in: jobs)
        let state = scan.state(settle: .zero, now: .now, required: RequiredFiles(site: site).of)
        let message =
            switch state {
            case .incomplete(let why): "Not complete: \(why)."
            case .refused(let problem): problem.problem
            default: "Complete; not taken up yet."
            }
        return Entry(folder: name, state: "waiting", message: message, status: nil)
    }
}
