import Core
import Files
import Intake
import Ledger
import Records
import Tracking

/// A list's subscribers as they stand now: all who confirmed, but those whom the suppression list keeps from the list's mail.
struct SubscriberTable {
    let bytes: [UInt8]
    let count: Int

    /// The name of a list's table in `outbox/lists`.
    static func file(_ list: String) -> String {
        list + ".csv"
    }

    /// Makes a table.
    static func table(_ subscribers: Subscribers, isWelcome: (AddressTag) throws -> Bool) rethrows -> SubscriberTable {
        let lines = try subscribers.all.filter { try isWelcome($0.tag) }.map { subscriber in
            SubscriberFile.Line(
                address: subscriber.address,
                number: subscriber.number,
                language: subscriber.language,
                requested: subscriber.requested,
                confirmed: subscriber.confirmed
            )
        }
        return SubscriberTable(bytes: SubscriberFile.bytes(lines), count: lines.count)
    }

    /// Makes the table of a list from its record, the suppression list and the events, whoever keeps them and however far the
    /// table on the disk is.
    static func now(_ list: String, site: Site, keys: SiteKeys) throws -> SubscriberTable {
        var subscribers = Subscribers()
        let reader = SubscriptionFile(list, in: try site.outbox("lists"), key: keys.subscribers).reader()
        try reader.poll { subscribers.apply($0) }
        if let fault = reader.firstFault {
            throw Diagnostic("the record of the list \(list) is damaged: \(fault)", fix: "put it back from its backup")
        }
        var suppressions = SuppressionList(
            outbox: try site.outbox(),
            key: keys.addressTag,
            events: EventReader(directory: try site.outbox("events"), keys: keys.ring)
        )
        try suppressions.refresh()
        try suppressions.check()
        let suppressed = suppressions.suppressed
        return try table(subscribers) { try suppressed.reason(for: $0, list: list) == nil }
    }
}

/// A list's subscribers as a job's recipients.
///
/// When the job is taken up they are written into its folder, once; from then on they are a file of the job like any other, so
/// that its identity, its retries and its results rest on nothing outside the folder.
struct SubscriberSnapshot {
    let site: Site
    let keys: SiteKeys

    /// Writes the subscribers of the list that a job's manifest names; `false` if it names none, or they are there.
    ///
    /// - Parameters:
    ///   - folder: The job's folder.
    ///   - lease: The right to work it.
    func take(in folder: JobFolder, _ lease: Lease) throws -> Bool {
        guard let list = Self.list(of: folder) else { return false }
        let name = Manifest.subscribersFile(list)
        guard try folder.directory.status(of: name) == nil else { return false }
        let table = try SubscriberTable.now(list, site: site, keys: keys)
        let directory = folder.directory.guarded { () throws(FileError) in try lease.confirm() }
        // Read by whom the folder lets in, as results are.
        let permissions = 0o600 | (try folder.directory.status().permissions & 0o044)
        try directory.replace(name, permissions: permissions) { try $0.append(table.bytes) }
        return true
    }

    /// Takes the subscribers out of the folder of a job that was not sent.
    func remove(from folder: JobFolder, _ lease: Lease) throws {
        guard let list = Self.list(of: folder) else { return }
        let directory = folder.directory.guarded { () throws(FileError) in try lease.confirm() }
        try directory.remove(Manifest.subscribersFile(list))
    }

    /// What the table in the folder is, where it is not the list as it stands now: a sentence for people.
    func difference(in folder: JobFolder) throws -> Diagnostic? {
        guard let list = Self.list(of: folder) else { return nil }
        let name = Manifest.subscribersFile(list)
        guard try folder.directory.status(of: name) != nil else { return nil }
        let table = try SubscriberTable.now(list, site: site, keys: keys)
        let file = try folder.pin(name, as: .recipients)
        guard try file.size != Int64(table.bytes.count) || file.contents() != table.bytes else { return nil }
        return Diagnostic(
            "these are not the subscribers of \(list) as they are now, who are \(table.count)",
            at: Place(file: name),
            fix: "remove the file from the folder to have it written anew, unless this very job was sent in part",
            severity: .warning
        )
    }

    /// The recipients of a job that was not taken up yet, for who only wants to know.
    func table(_ list: String) throws -> RecipientTable {
        let table = try SubscriberTable.now(list, site: site, keys: keys)
        let file = try site.outbox().createAnonymous(as: Manifest.subscribersFile(list))
        try file.write(table.bytes)
        return try RecipientTable(pinning: file)
    }

    private static func list(of folder: JobFolder) -> String? {
        guard let file = try? folder.pin(Manifest.fileName, as: .manifest), let bytes = try? file.contents(),
            let manifest = try? Manifest.parse(bytes: bytes, file: Manifest.fileName)
        else { return nil }
        return manifest.recipientList?.value
    }
}
