import API
import Core
import Files
import Intake
import Logging
import Synchronization

/// The file of the API's keys, read again when it changes.
///
/// A file that cannot be understood lets nobody in until it is mended.
final class APIKeyFile: Sendable {
    private struct Known {
        var status: FileStatus?
        var keys = APIKeys()
        var lookedAt: ContinuousClock.Instant?
    }

    private let site: Site
    private let name: Placed<String>
    private let log: Logger
    private let known = Mutex(Known())

    init(site: Site, name: Placed<String>, log: Logger) {
        self.site = site
        self.name = name
        self.log = log
    }

    /// The keys as they are now; none where the file is not there.
    func read() throws(EngineError) -> APIKeys {
        guard try site.isThere(name) else { return APIKeys() }
        let bytes = try site.secretFile(name)
        do throws(Diagnostics) {
            return try APIKeys.parse(bytes: bytes, file: name.value)
        } catch {
            throw EngineError(.configuration, error.all)
        }
    }

    /// The keys; the file is looked at once a second at most.
    var current: APIKeys {
        known.withLock { known in
            let now = ContinuousClock.now
            if let last = known.lookedAt, now - last < .seconds(1) { return known.keys }
            known.lookedAt = now
            let status = site.status(of: name)
            // A file written twice in one tick of its clock is read again.
            if let status, status == known.status, Timestamp.now.seconds - status.modified / 1_000_000_000 > 2 {
                return known.keys
            }
            known.status = status
            do throws(EngineError) {
                known.keys = try read()
            } catch {
                known.keys = APIKeys()
                log.error("the API's keys cannot be read; nobody is let in", metadata: ["cause": "\(error)"])
            }
            return known.keys
        }
    }
}

extension Site {
    /// What is known of a file that the configuration names; `nil` if it is not there, or cannot be looked at.
    func status(of name: Placed<String>) -> FileStatus? {
        let (parent, file) = parts(of: name)
        guard let directory = try? Directory(path: parent) else { return nil }
        return try? directory.status(of: file)
    }

    /// Whether a file that the configuration names is there.
    func isThere(_ name: Placed<String>) throws(EngineError) -> Bool {
        let (parent, file) = parts(of: name)
        do {
            return try Directory(path: parent).status(of: file) != nil
        } catch let error where error.isNotFound {
            return false
        } catch {
            throw EngineError(.configuration, "\(error)", at: name.place)
        }
    }

    /// The directory and the name of a file that the configuration names.
    func parts(of name: Placed<String>) -> (parent: String, file: String) {
        let parts = absolute(name.value).split(separator: "/", omittingEmptySubsequences: true)
        return ("/" + parts.dropLast().joined(separator: "/"), String(parts.last ?? ""))
    }
}
