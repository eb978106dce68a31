import Core
import Delivery
import Files
public import Intake
import OpenSSL
import Tracking

/// One organisation's Wardpost: a directory with `wardpost.yaml`, and what lies in it.
public struct Site: Sendable {
    /// The most that a configuration or manifest may have.
    static let configurationLimit = 256 << 10

    /// The path under which the site was opened.
    public let path: String
    /// What `wardpost.yaml` says.
    public let configuration: SiteConfiguration
    let directory: Directory
    /// Whose `wardpost.yaml` is: the operator, whose word all of it is.
    let owner: UInt32
    /// The tokens of its routes, for all its jobs.
    let tokens = TokenSources()

    /// Opens a site and reads its configuration; refuses one that others can write.
    ///
    /// - Parameter path: The site's directory.
    public static func open(_ path: String) throws(EngineError) -> Site {
        let file = SiteConfiguration.fileName
        do {
            let directory = try Directory(path: path)
            let status = try directory.openRegular(file).status()
            guard !status.isWritableByOthers else {
                throw EngineError(
                    .configuration,
                    "others than its owner can write it",
                    at: Place(file: file),
                    fix: "chmod go-w \(file)"
                )
            }
            let bytes = try directory.read(file, limit: configurationLimit)
            let configuration = try SiteConfiguration.parse(bytes: bytes, file: file)
            // Before any key is read: what is made earlier comes from another provider.
            if let fips = configuration.fips, fips.value { try requireFIPS(fips.place) }
            return Site(path: path, configuration: configuration, directory: directory, owner: status.owner)
        } catch let error as EngineError {
            throw error
        } catch let problems as Diagnostics {
            throw EngineError(.configuration, problems.all)
        } catch let error as FileError where error.isNotFound {
            throw EngineError(
                .configuration,
                "\(path) is no site: it has no \(file)",
                fix: "name the site with --site DIR, or make one with `wardpost init DIR`"
            )
        } catch {
            throw EngineError(.configuration, "\(error)", at: Place(file: file))
        }
    }

    private static func requireFIPS(_ place: Place) throws(EngineError) {
        do {
            try FIPS.require()
        } catch {
            throw EngineError(
                .configuration,
                "\(error)",
                at: place,
                fix: "put fips.so into OpenSSL's modules directory, run `openssl fipsinstall`, and name its output in"
                    + " openssl.cnf (docs/operating.md, FIPS); Debian has no package of it"
            )
        }
    }

    /// A directory of the site's, made if it is not there.
    func room(_ name: String, permissions: UInt32 = 0o755) throws(EngineError) -> Directory {
        do {
            try directory.makeDirectory(name, permissions: permissions)
            return try directory.open(subdirectory: name)
        } catch {
            throw EngineError(.configuration, "\(error)")
        }
    }

    /// The drop area.
    func jobs() throws(EngineError) -> Directory { try room("jobs") }

    /// Ledgers, events, the suppression list, locks; nobody else's business.
    func outbox(_ name: String? = nil) throws(EngineError) -> Directory {
        let outbox = try room("outbox", permissions: 0o700)
        do {
            // Whoever can write there can take ledgers and opt-outs away.
            guard try !outbox.status().isWritableByOthers else {
                throw EngineError(
                    .configuration,
                    "others than its owner can write it",
                    at: Place(file: "outbox"),
                    fix: "chmod 700 outbox"
                )
            }
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.configuration, "\(error)")
        }
        guard let name else { return outbox }
        do {
            try outbox.makeDirectory(name, permissions: 0o700)
            return try outbox.open(subdirectory: name)
        } catch {
            throw EngineError(.configuration, "\(error)")
        }
    }

    /// The site's shared templates; `nil` if it has none.
    var templates: Directory? {
        try? directory.open(subdirectory: "templates")
    }

    /// Opens a file that the configuration names, relative to the site or absolute; it is the operator's own word, so that one
    /// that others can write is refused: a root put into a `ca` would be believed.
    func file(_ name: Placed<String>, limit: Int = 1 << 20) throws(EngineError) -> [UInt8] {
        let parts = absolute(name.value).split(separator: "/", omittingEmptySubsequences: true)
        let parent = "/" + parts.dropLast().joined(separator: "/")
        let file = String(parts.last ?? "")
        let isOpen: Bool
        let bytes: [UInt8]
        do {
            let directory = try Directory(path: parent)
            isOpen = try directory.openRegular(file).status().isWritableByOthers
            bytes = try directory.read(file, limit: limit)
        } catch {
            var problem = Diagnostic("\(error)", at: name.place)
            problem.mayPass = error.mayPass
            throw EngineError(.configuration, [problem])
        }
        guard !isOpen else {
            throw EngineError(
                .configuration,
                "others than its owner can write \(name.value)",
                at: name.place,
                fix: "chmod go-w \(name.value)"
            )
        }
        return bytes
    }

    /// A secret file that the configuration names; refused if others can read it.
    func secretFile(_ name: Placed<String>) throws(EngineError) -> [UInt8] {
        let parts = absolute(name.value).split(separator: "/", omittingEmptySubsequences: true)
        do {
            let parent = try Directory(path: "/" + parts.dropLast().joined(separator: "/"))
            let file = String(parts.last ?? "")
            try SiteKeys.checkPrivate(try parent.openRegular(file).status(), name.value)
            return try parent.read(file, limit: 1 << 16)
        } catch let error as EngineError {
            throw error
        } catch {
            var problem = Diagnostic("\(error)", at: name.place)
            problem.mayPass = (error as? FileError)?.mayPass ?? false
            throw EngineError(.configuration, [problem])
        }
    }

    /// The site's keys.
    func keys() throws(EngineError) -> SiteKeys {
        try SiteKeys(
            in: try keyDirectory(),
            name: configuration.keys.value,
            validDays: configuration.tracking?.server.validDays ?? TokenKeys.defaultValidDays
        )
    }

    /// Makes and opens the addresses to which mail about our messages comes back; `nil` where it goes to their senders.
    func returnPath(_ keys: SiteKeys) -> ReturnPath? {
        configuration.bounces.map {
            ReturnPath(domain: $0.domain.value, key: keys.returnPath, tagger: AddressTagger(key: keys.addressTag))
        }
    }

    func keyDirectory() throws(EngineError) -> Directory {
        do {
            return try Directory(path: absolute(configuration.keys.value))
        } catch {
            throw EngineError(
                .configuration,
                "\(error)",
                at: configuration.keys.place,
                fix: "`wardpost init` makes a site with keys; put the keys of an old site back from their backup"
            )
        }
    }

    /// Where it is kept how far ledgers were written: neither in `jobs/` nor in `outbox/`, so that putting those back from a
    /// backup is noticed.
    func witness() throws(EngineError) -> Directory {
        let place = configuration.witness
        let path = place.map { absolute($0.value) } ?? keyPath + "/witness"
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        do {
            let parent = try Directory(path: "/" + parts.dropLast().joined(separator: "/"))
            try parent.makeDirectory(String(parts.last ?? ""), permissions: 0o700)
            let directory = try Directory(path: path)
            guard try !directory.status().isWritableByOthers else {
                throw EngineError(
                    .configuration,
                    "others than its owner can write it",
                    at: Place(file: path),
                    fix: "chmod 700 \(path)"
                )
            }
            return directory
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(
                .configuration,
                "\(error)",
                at: place?.place,
                fix: "the service must be able to write there; `witness:` names another directory"
            )
        }
    }

    /// Where the key directory is.
    var keyPath: String { absolute(configuration.keys.value) }

    func absolute(_ name: String) -> String {
        if name.hasPrefix("/") { return name }
        let base = path.hasPrefix("/") ? path : Working.directory + "/" + path
        return base + "/" + name
    }
}
