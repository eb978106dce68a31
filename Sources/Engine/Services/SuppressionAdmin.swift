public import Core
import Files
import Intake
import Records
import Tracking

/// Looks after the suppression list by hand.
public struct SuppressionAdmin: Sendable {
    let site: Site
    let keys: SiteKeys

    /// Opens a site's list.
    public init(site: Site) throws(EngineError) {
        self.site = site
        keys = try site.keys()
    }

    /// Puts addresses on the list: for all mail and by hand, where nothing else is said.
    @discardableResult
    public func add(_ addresses: [String], _ wish: SuppressionWish) throws(EngineError) -> Int {
        let tagged = try tags(of: addresses)
        return try trying {
            try file().append(
                tagged.map { address, tag in
                    .add(
                        tag,
                        address: Protected(address.text),
                        scope: wish.scope ?? .all,
                        reason: wish.reason ?? .suppressedByHand
                    )
                }
            )
        }
    }

    /// Takes addresses off the list: what the wish names, and all of it where it names nothing; returns how many entries there were.
    @discardableResult
    public func remove(_ addresses: [String], _ wish: SuppressionWish) throws(EngineError) -> Int {
        let tagged = try tags(of: addresses)
        return try trying {
            var list = try list()
            try list.refresh()
            var lifted = 0
            let records = try tagged.map { address, tag in
                let record = SuppressionRecord.remove(
                    tag,
                    address: Protected(address.text),
                    scope: wish.scope,
                    only: wish.reason
                )
                lifted += try list.countLifted(by: record)
                return record
            }
            // Written though nothing is there yet: an opt-out of before may be on its way.
            try file().append(records)
            return lifted
        }
    }

    /// Hands over each entry on the list: the address where staff typed it or else its tag, the scope and why.
    ///
    /// - Throws: When all that can be read was handed over, if the list is damaged.
    public func forEach(
        _ wish: SuppressionWish,
        _ body: (_ mailbox: String, _ scope: String, _ reason: Reason, _ since: Timestamp) -> Void
    ) throws(EngineError) {
        try trying {
            var list = try list()
            try list.refresh()
            try list.forEachRecord { record in
                guard wish.matches(record) else { return }
                let mailbox = record.address?.exposed ?? "(tag \(record.tag))"
                let time = Timestamp(seconds: record.moment / 1_000)
                body(mailbox, record.scope.map { "\($0)" } ?? "all", record.reason, time)
            }
            try list.check()
        }
    }

    /// What came of mending, for people.
    public struct Mended: Sendable {
        /// One sentence for each damaged place, and what became of it.
        public var sentences: [String] = []
        /// How many entries were put on the list again.
        public var saved = 0
        /// The name under which a file was put aside that could not be added to.
        public var putAside: String?
    }

    /// Puts a damaged list right.
    ///
    /// What can still be read of damaged lines keeps mail from their mailboxes, and a line says which damage was looked at.
    public func mend() throws(EngineError) -> Mended {
        try trying {
            let events = try site.outbox("events")
            let report = try file().mend(
                keys.addressTag,
                events: EventReader(directory: events, keys: keys.ring),
                in: events
            )
            return Mended(
                sentences: report.lines.map { line in
                    "\(line.fault); \(line.isSaved ? "what it said is on the list" : "it could not be read")"
                },
                saved: report.saved,
                putAside: report.putAside
            )
        }
    }

    // MARK: - Parts

    func list() throws -> SuppressionList {
        SuppressionList(
            outbox: try site.outbox(),
            key: keys.addressTag,
            events: EventReader(directory: try site.outbox("events"), keys: keys.ring)
        )
    }

    func file() throws -> SuppressionFile {
        SuppressionFile(outbox: try site.outbox(), key: keys.addressTag, signer: keys.signing)
    }

    private func tags(of addresses: [String]) throws(EngineError) -> [(Address, AddressTag)] {
        let tagger = AddressTagger(key: keys.addressTag)
        var tagged: [(Address, AddressTag)] = []
        for (index, text) in addresses.enumerated() {
            do {
                let address = try AddressParser.parse(text)
                tagged.append((address, tagger.tag(of: address)))
            } catch {
                throw EngineError(.usage, "address \(index + 1): \(error.rule)")
            }
        }
        return tagged
    }

    func trying<Result>(_ body: () throws -> Result) throws(EngineError) -> Result {
        do {
            return try body()
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }
}

extension SuppressionAdmin {
    /// Puts addresses on the list by hand, for all mail or for one list.
    @discardableResult
    func add(_ addresses: [String], list: String?) throws(EngineError) -> Int {
        try add(addresses, SuppressionWish(list: list))
    }

    /// Takes addresses off the list, for one list or altogether.
    @discardableResult
    func remove(_ addresses: [String], list: String?) throws(EngineError) -> Int {
        try remove(addresses, SuppressionWish(list: list))
    }

    /// Hands over each entry on the list.
    func forEach(_ body: (_ mailbox: String, _ scope: String, _ reason: Reason, _ since: Timestamp) -> Void)
        throws(EngineError)
    {
        try forEach(SuppressionWish(), body)
    }
}
