import API
import Core
import Files
import Intake

/// Adds, lists and removes keys of the API.
public struct APIKeyAdmin: Sendable {
    private let site: Site
    private let name: Placed<String>

    /// Prepares to change a site's keys.
    public init(site: Site) {
        self.site = site
        let usual = Placed(SiteConfiguration.API.usualKeys, at: Place(file: SiteConfiguration.fileName))
        name = site.configuration.api?.keys ?? usual
    }

    /// The file of the keys.
    public var file: String { name.value }

    /// A key, as people are told of it.
    public struct Entry: Sendable {
        /// Its name.
        public var name: String
        /// What it may ask.
        public var scopes: [String]
        /// The senders' domains that it may ask about; `nil` for all.
        public var domains: [String]?
        /// The jobs that it may ask about; `nil` for all.
        public var jobs: [String]?
        /// The first day on which it is good no longer; `nil` for none.
        public var expires: String?

        init(_ key: APIKey) {
            name = key.name
            scopes = APIScope.allCases.filter(key.scopes.contains).map(\.rawValue)
            domains = key.domains.map { $0.sorted() }
            jobs = key.jobs.map { $0.map { "\($0)" }.sorted() }
            expires = key.expires.map { String("\($0)".prefix(10)) }
        }

        /// The same on one line.
        public var line: String {
            var line = "\(name)  \(scopes.isEmpty ? "no scope" : scopes.joined(separator: ", "))"
            if let domains { line += "; only \(domains.joined(separator: ", "))" }
            if let jobs { line += "; only jobs \(jobs.joined(separator: ", "))" }
            if let expires { line += "; until \(expires)" }
            return line
        }
    }

    /// The keys there are.
    public func list() throws(EngineError) -> [Entry] {
        try parse(try bytes()).all.map(Entry.init)
    }

    /// Makes a key and returns its text, which is nowhere else.
    public func add(
        _ keyName: String,
        scopes: [String],
        domains: [String],
        jobs: [String],
        expires: String?
    ) throws(EngineError) -> String {
        let old = try bytes()
        guard APIKeys.isGood(name: keyName) else {
            throw EngineError(
                .usage,
                "this is no name for a key",
                fix: "write letters, digits, hyphens, dots and underscores, at most 64"
            )
        }
        guard try !parse(old).all.contains(where: { $0.name == keyName }) else {
            throw EngineError(.usage, "there is a key \(keyName)", fix: "remove it first, or take another name")
        }
        let (text, digest) = APIKey.make()
        let key = APIKey(
            name: keyName,
            digest: digest,
            scopes: Set(try scopes.map { word throws(EngineError) in try scope(word) }),
            domains: domains.isEmpty ? nil : Set(try domains.map { word throws(EngineError) in try domain(word) }),
            jobs: jobs.isEmpty ? nil : Set(try jobs.map { word throws(EngineError) in try job(word) }),
            expires: try expires.map { word throws(EngineError) in try day(word) }
        )
        let new = APIKeys.adding(key, made: .now, to: old)
        // What was written by hand may be in a form that cannot be added to.
        guard try parse(new).all.contains(key) else {
            throw EngineError(
                .usage,
                "the file cannot be added to",
                at: Place(file: name.value),
                fix: "write each key on lines of its own"
            )
        }
        try write(new)
        return text
    }

    /// Takes a key away: from within a second on it is not let in.
    public func remove(_ keyName: String) throws(EngineError) {
        let old = try bytes()
        let rest: [UInt8]?
        do throws(Diagnostics) {
            rest = old.isEmpty ? nil : try APIKeys.removing(keyName, from: old, file: name.value)
        } catch {
            throw EngineError(.configuration, error.all)
        }
        guard let rest else {
            throw EngineError(
                .usage,
                "there is no key \(keyName) in \(name.value)",
                fix: "`wardpost keys api list` lists them"
            )
        }
        try write(rest)
    }

    // MARK: - Words

    private func scope(_ word: String) throws(EngineError) -> APIScope {
        if let scope = APIScope(rawValue: word) { return scope }
        let words = APIScope.allCases.map(\.rawValue)
        let near = Suggestion.nearest(to: word, in: words)
        throw EngineError(
            .usage,
            "there is no scope \(word)",
            fix: near.map { "did you mean \($0)?" } ?? "there is \(words.joined(separator: ", "))"
        )
    }

    private func domain(_ word: String) throws(EngineError) -> String {
        let domains = site.configuration.fromDomains.map(\.value)
        if domains.contains(word.lowercased()) { return word.lowercased() }
        let near = Suggestion.nearest(to: word, in: domains)
        throw EngineError(
            .usage,
            "the site does not send from \(word)",
            fix: near.map { "did you mean \($0)?" } ?? "its from_domains are \(domains.joined(separator: ", "))"
        )
    }

    private func job(_ word: String) throws(EngineError) -> JobID {
        guard let job = JobID(word) else {
            throw EngineError(.usage, "a job's number has 20 hexadecimal digits", fix: "status.json has it as `job`")
        }
        return job
    }

    private func day(_ word: String) throws(EngineError) -> Timestamp {
        guard let day = Timestamp("\(word) 00:00:00") else {
            throw EngineError(.usage, "--expires must be a day such as 2027-01-15")
        }
        return day
    }

    // MARK: - The file

    private func bytes() throws(EngineError) -> [UInt8] {
        try site.isThere(name) ? try site.secretFile(name) : []
    }

    private func parse(_ bytes: [UInt8]) throws(EngineError) -> APIKeys {
        do throws(Diagnostics) {
            return try APIKeys.parse(bytes: bytes, file: name.value)
        } catch {
            throw EngineError(.configuration, error.all)
        }
    }

    private func write(_ bytes: [UInt8]) throws(EngineError) {
        let (parent, file) = site.parts(of: name)
        do {
            try Directory(path: parent).replace(file, permissions: 0o600) { try $0.append(bytes) }
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }
}
