import Core
public import Files
import Synchronization

/// Leases of one kind in one directory, on any file system that several machines share: a directory for each thing, and in
/// it one file for each claim, named by its number.
///
/// No locks, and no clocks compared: a claim is made by giving a finished file the next number as its name, which the file
/// system lets one process do; and a holder is missed by the misser's own clock.
public final class Leases: Sendable {
    /// What came of asking for one.
    public enum Answer: Sendable {
        /// It is ours.
        case held(Lease)
        /// Another has it.
        case busy(Rival)
    }

    /// Who has what we want.
    public struct Rival: Hashable, Sendable {
        /// The process.
        public var holder: Holder
        /// Whether it gave a sign of life since we first looked, or can be seen to be at work.
        public var isAtWork: Bool
    }

    /// How long a holder is missed before another follows.
    public let time: Duration
    /// How many claims stay below the highest: a process that was stopped in the middle of its own must not find its number
    /// free.
    private static let kept = 16

    private struct Sight {
        var number: Int
        var bytes: [UInt8]
        var since: Moment
        var hasMoved = false
    }

    private let parent: Directory
    private let kind: String
    private let holder: Holder
    private let sights: Mutex<[String: Sight]> = Mutex([:])

    /// Opens the leases of a kind.
    ///
    /// - Parameters:
    ///   - directory: Where they are.
    ///   - kind: A directory in it, made when it is needed.
    ///   - time: How long a holder is missed before another follows.
    public convenience init(in directory: Directory, kind: String, time: Duration = .seconds(30)) {
        self.init(in: directory, kind: kind, time: time, holder: .this)
    }

    init(in directory: Directory, kind: String, time: Duration, holder: Holder) {
        parent = directory
        self.kind = kind
        self.time = time
        self.holder = holder
    }

    /// Takes something, if nobody has it, or whoever had it has ended or gives no sign of life.
    ///
    /// To be asked again and again by somebody who waits: how long a holder was silent is remembered from call to call.
    public func take(_ name: String) throws(FileError) -> Answer {
        let claims = try open(name)
        let numbers = try ClaimNames.numbers(in: claims)
        guard let last = numbers.last else { return try claim(1, of: name, in: claims, from: .new, seen: nil) }
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try claims.read("\(last)", limit: Claim.longest)
        } catch {
            // Gone, or changed, since another is just taking it.
            if error.isNotFound { return .busy(Rival(holder: .unknown, isAtWork: true)) }
            throw error
        }
        let found = Claim(bytes)
        let holder = found?.holder ?? .unknown
        if found?.state == .closed {
            return try claim(last + 1, of: name, in: claims, from: .closed(holder), seen: nil)
        }
        if found?.state == .failed || holder.isDead {
            return try claim(last + 1, of: name, in: claims, from: .taken(holder), seen: nil)
        }
        let wait = max(time, .milliseconds(found?.milliseconds ?? 0))
        let (isSilent, hasMoved) = watch(name, last, bytes, wait)
        guard isSilent else { return .busy(Rival(holder: holder, isAtWork: hasMoved || holder.isAtWork)) }
        return try claim(last + 1, of: name, in: claims, from: .taken(holder), seen: (last, bytes))
    }

    /// Looks whether a holder gives signs of life, without wanting to take its place yet.
    public func watch(_ name: String) {
        guard let claims = try? parent.open(subdirectory: "\(kind)/\(name)"),
            let last = try? ClaimNames.numbers(in: claims).last,
            let bytes = try? claims.read("\(last)", limit: Claim.longest)
        else { return }
        _ = watch(name, last, bytes, time)
    }

    /// Who has something now, as far as that can be seen at one look.
    public func holder(of name: String) -> Holder? {
        guard let claims = try? parent.open(subdirectory: "\(kind)/\(name)"),
            let last = try? ClaimNames.numbers(in: claims).last,
            let bytes = try? claims.read("\(last)", limit: Claim.longest)
        else { return nil }
        guard let claim = Claim(bytes) else { return .unknown }
        return claim.state == .held && !claim.holder.isDead ? claim.holder : nil
    }

    // MARK: - Inside

    private func open(_ name: String) throws(FileError) -> Directory {
        let path = "\(kind)/\(name)"
        do throws(FileError) {
            return try parent.open(subdirectory: path)
        } catch {
            guard error.isNotFound else { throw error }
        }
        let isFirst = try parent.status(of: kind) == nil
        try parent.makeDirectory(kind, permissions: 0o700)
        try parent.makeDirectory(path, permissions: 0o700)
        try parent.open(subdirectory: kind).sync()
        if isFirst { try parent.sync() }
        return try parent.open(subdirectory: path)
    }

    /// Notes what a claim looks like; whether it has looked so for the whole time, and whether it ever looked otherwise.
    private func watch(_ name: String, _ number: Int, _ bytes: [UInt8], _ wait: Duration) -> (Bool, Bool) {
        let now = Moment.now
        return sights.withLock { sights in
            guard let sight = sights[name], sight.number == number, sight.bytes == bytes else {
                let hasMoved = sights[name]?.number == number
                sights[name] = Sight(number: number, bytes: bytes, since: now, hasMoved: hasMoved)
                return (false, hasMoved)
            }
            return (now - sight.since >= wait, sight.hasMoved)
        }
    }

    /// Makes a claim of the next number; `busy` if another was quicker.
    ///
    /// - Parameter seen: The claim of a holder that may live, as it was when it was found silent.
    private func claim(
        _ number: Int,
        of name: String,
        in claims: Directory,
        from origin: Lease.Origin,
        seen: (number: Int, bytes: [UInt8])?
    ) throws(FileError) -> Answer {
        let claim = Claim(holder: holder, milliseconds: max(1, Int(time / .milliseconds(1))))
        let began = Moment.now
        guard let file = try put(claim, "\(number)", in: claims) else {
            return .busy(Rival(holder: .unknown, isAtWork: true))
        }
        let numbers = try ClaimNames.numbers(in: claims)
        guard numbers.last == number else {
            // We were slow, and others have come and gone meanwhile.
            try claims.remove("\(number)")
            return .busy(Rival(holder: .unknown, isAtWork: true))
        }
        sights.withLock { $0[name] = nil }
        let lease = Lease(number: number, origin: origin, claims: claims, file: file, claim: claim, began: began)
        if let seen, (try? claims.read("\(seen.number)", limit: Claim.longest)) != seen.bytes {
            // It woke up between our last look and our claim, and believes in its right until it looks again, or until that
            // runs out.
            WriterThread.sleep(time / 2)
            try lease.confirm()
        }
        sweep(claims, below: number - Self.kept)
        return .held(lease)
    }

    /// Removes claims that nobody can mistake any more, and what was left of making them.
    private func sweep(_ claims: Directory, below limit: Int) {
        let old = try? claims.names { name in
            let parts = name.split(separator: ".")
            guard let number = parts.first.flatMap({ Int($0) }) else { return false }
            return number <= limit && (parts.count == 1 || name.hasSuffix(".tmp"))
        }
        for name in old ?? [] { try? claims.remove(name) }
    }

    /// Gives a finished claim its name; `nil` if the name is taken.
    private func put(_ claim: Claim, _ name: String, in claims: Directory) throws(FileError) -> Descriptor? {
        let temporary = ".\(name).\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
        let file = try claims.createWritable(temporary)
        var failure: FileError?
        do throws(FileError) {
            try file.write(claim.bytes, at: 0)
            try file.sync()
            try claims.link(temporary, to: name)
        } catch {
            failure = error
        }
        // Over NFS an answer can be lost and the call repeated: a second name is what counts.
        var isLinked = failure == nil
        if !isLinked { isLinked = try file.status().links == 2 }
        try claims.remove(temporary)
        if isLinked {
            try claims.sync()
            return file
        }
        guard let failure, !failure.isThere else { return nil }
        guard failure.operation == .link, failure.isWithoutLinks else { throw failure }
        // No second names here: the file itself is made under its name, if it is not there.
        do throws(FileError) {
            let file = try claims.createWritable(name)
            try file.write(claim.bytes, at: 0)
            try file.sync()
            try claims.sync()
            return file
        } catch {
            guard error.isThere else { throw error }
            return nil
        }
    }
}
