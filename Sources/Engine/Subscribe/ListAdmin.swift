public import Core
import Files
import Intake
import OpenSSL
import Records
import Tracking

/// Looks after the lists that people subscribe to.
public struct ListAdmin: Sendable {
    /// How a list stands.
    public struct Standing: Sendable {
        /// The list.
        public var list: String
        /// How many get its mail.
        public var subscribers: Int
        /// How many were subscribed once and get its mail no more: they left, or their mailbox is suppressed.
        public var gone: Int
        /// How many messages await an answer.
        public var awaited: Int
    }

    private let site: Site
    private let keys: SiteKeys

    /// Opens a site's lists.
    public init(site: Site) throws(EngineError) {
        self.site = site
        keys = try site.keys()
    }

    /// How each list of the configuration stands.
    public func standings() throws(EngineError) -> [Standing] {
        guard let subscribe = site.configuration.subscribe else { return [] }
        do {
            let suppressed = try suppressions()
            let now = Timestamp.now
            return try subscribe.lists.map { list in
                var desk = SubscriptionDesk(rules: SubscriptionDesk.Rules(perHour: subscribe.perHour))
                let reader = try file(list.value).reader()
                try reader.poll { desk.apply($0, of: list.value) }
                let all = desk.subscribers[list.value]?.all ?? []
                let count = try all.count { try suppressed.reason(for: $0.tag, list: list.value) == nil }
                let awaited = desk.wishes.values.count { $0.stage != .confirmed && now < $0.expires }
                return Standing(list: list.value, subscribers: count, gone: all.count - count, awaited: awaited)
            }
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }

    /// A list's subscribers as they are now, a table with a header.
    public func export(_ list: String) throws(EngineError) -> [UInt8] {
        try check(list)
        do {
            return try SubscriberTable.now(list, site: site, keys: keys).bytes
        } catch let error as Diagnostic {
            throw EngineError(.tryAgain, [error])
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }

    /// Puts the addresses of a CSV file on a list: its column `address` or `email`, or its only column.
    ///
    /// Who left the list stays away from it: an import takes no opt-out back.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - list: The list.
    ///   - consent: By what right, in words; it stands in the record beside each address.
    /// - Returns: How many were added, how many were on it before, and what is wrong with the rows that were not.
    public func `import`(
        _ path: String,
        to list: String,
        consent: String
    ) throws(EngineError) -> (added: Int, known: Int, problems: [Diagnostic]) {
        try check(list)
        guard !consent.isEmpty, consent.utf8.count <= 500, (try? HeaderValue(consent)) != nil else {
            throw EngineError(
                .usage,
                "--consent says in one line of at most 500 bytes by what right these people get the list's mail"
            )
        }
        do {
            let (addresses, problems) = try Self.addresses(path)
            var subscribers = Subscribers()
            try file(list).reader().poll { subscribers.apply($0) }
            let tagger = AddressTagger(key: keys.addressTag)
            var seen: Set<AddressTag> = []
            let records = addresses.compactMap { address -> SubscriptionRecord? in
                let tag = tagger.tag(of: address)
                guard !subscribers.contains(tag), seen.insert(tag).inserted else { return nil }
                return SubscriptionRecord(.imported, tag: tag, address: Protected(address.text), consent: consent)
            }
            try file(list).append(records)
            return (records.count, addresses.count - records.count, problems)
        } catch let error as EngineError {
            throw error
        } catch let error as Diagnostics {
            throw EngineError(.usage, error.all)
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }

    private static func addresses(_ path: String) throws -> ([Address], [Diagnostic]) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let parent = parts.count > 1 ? parts.dropLast().joined(separator: "/") : "."
        let file: Descriptor
        do {
            file = try Directory(path: parent.isEmpty ? "/" : parent).openRegular(String(parts.last ?? ""))
        } catch {
            throw EngineError(.usage, "\(error)")
        }
        let table = try RecipientTable(pinning: file)
        let named = ["address", "email"].lazy.compactMap { table.header.index(of: $0) }.first
        guard let column = named ?? (table.header.names.count == 1 ? 0 : nil) else {
            throw EngineError(
                .usage,
                "the file has no column \"address\" or \"email\"",
                at: Place(file: path, line: table.header.line)
            )
        }
        let reader = try table.reader()
        var line = CSVRow()
        var addresses: [Address] = []
        var problems: [Diagnostic] = []
        while try reader.next(into: &line) {
            let place = Place(file: path, line: line.row.line, column: column + 1)
            if let problem = line.problem {
                problems.append(Diagnostic(problem.diagnostic.problem, at: place, severity: .warning))
            } else if let address = SubscriberAddress.read(line.row.text(column)) {
                addresses.append(address)
            } else {
                problems.append(Diagnostic("this is no address that a list takes", at: place, severity: .warning))
            }
        }
        return (addresses, problems)
    }

    private func file(_ list: String) throws(EngineError) -> SubscriptionFile {
        SubscriptionFile(list, in: try site.outbox("lists"), key: keys.subscribers)
    }

    private func suppressions() throws -> SuppressionSet {
        var list = SuppressionList(
            outbox: try site.outbox(),
            key: keys.addressTag,
            events: EventReader(directory: try site.outbox("events"), keys: keys.ring)
        )
        try list.refresh()
        try list.check()
        return list.suppressed
    }

    private func check(_ list: String) throws(EngineError) {
        guard let subscribe = site.configuration.subscribe, subscribe.has(list) else {
            let names = site.configuration.subscribe?.lists.map(\.value) ?? []
            throw EngineError(
                .usage,
                "there is no list of that name in \"subscribe\"",
                fix: names.isEmpty ? "add \"subscribe\" to wardpost.yaml" : "there is \(names.joined(separator: ", "))"
            )
        }
    }
}

/// Makes the keys of the lists' forms, for a site that is older than they are.
public enum SubscribeSetup {
    /// Makes the pair; `false` if it is there, since what was sealed to it could not be read with another.
    public static func make(_ site: Site) throws(EngineError) -> Bool {
        do {
            let directory = try site.keyDirectory()
            guard try directory.status(of: SiteKeys.subscribeFile) == nil else { return false }
            try SiteKeys.createSubscribe(in: directory)
            return true
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }

    /// Where the two halves are, for people.
    public static func paths(_ site: Site) -> (secret: String, open: String) {
        let keys = site.configuration.keys.value
        return ("\(keys)/\(SiteKeys.subscribeFile)", "\(keys)/\(SiteKeys.subscribePublicFile)")
    }
}
