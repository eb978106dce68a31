public import Core
import Files
import Intake
import OpenSSL
import Tracking

/// `tracking.key`: the keys of tokens and event logs, one a line.
///
///     1 KEY                             the first; a file with nothing but a key in it is this one
///     2 2026-11-22 04:00:00 KEY         seals since that time (UTC)
///
/// A key is 32 bytes in hexadecimal. Lines that start with `#` and empty ones are passed over.
struct TrackingKeyFile {
    private(set) var keys: [TokenKey] = []

    /// Reads a file's text; `nil` if it is none.
    init?(_ text: [UInt8]) {
        for line in String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard let key = Self.key(words), !keys.contains(where: { $0.id == key.id }) else { return nil }
            keys.append(key)
        }
        guard !keys.isEmpty else { return nil }
    }

    private static func key(_ words: [Substring]) -> TokenKey? {
        guard [1, 2, 4].contains(words.count), let digits = words.last, let bytes = Hex.decode(digits),
            bytes.count == SiteKeys.byteCount
        else { return nil }
        guard words.count > 1 else { return TokenKey(secret: SecretBytes(copying: bytes)) }
        guard let id = UInt8(words[0]), id > 0 else { return nil }
        var since: Timestamp?
        if words.count == 4 {
            guard let time = Timestamp("\(words[1]) \(words[2])") else { return nil }
            since = time
        }
        return TokenKey(id: id, secret: SecretBytes(copying: bytes), since: since)
    }

    /// Adds a new key that seals from a time on; `nil` if there are 255 already.
    mutating func add(from time: Timestamp) -> TokenKey? {
        let taken = Set(keys.map(\.id))
        let highest = keys.map(\.id).max() ?? 0
        let free = highest < 255 ? highest + 1 : (1...255 as ClosedRange<UInt8>).first { !taken.contains($0) }
        guard let free else { return nil }
        let key = TokenKey(id: free, secret: SecretBytes(copying: Random.bytes(SiteKeys.byteCount)), since: time)
        keys.append(key)
        return key
    }

    /// The file's text.
    var text: [UInt8] {
        var text = Array(
            "# Token keys: number, since when it seals (UTC), key. See \"Token keys\" in docs/tracking.md.\n".utf8
        )
        for key in keys {
            let since = key.since.map { " \($0)" } ?? ""
            text += Array("\(key.id)\(since) \(Hex.encode(key.secret.exposedCopy()))\n".utf8)
        }
        return text
    }
}

/// Adds a token key to a site.
public struct KeyRotation: Sendable {
    /// What was done.
    public struct Report: Sendable, Encodable {
        /// The new key's number.
        public var key: Int
        /// Since when it seals, in UTC.
        public var since: String
        /// How many keys there are now.
        public var keys: Int
        /// The file that holds them.
        public var file: String
    }

    private let site: Site

    /// For a site.
    public init(site: Site) {
        self.site = site
    }

    /// Adds a token key that seals from a time on; those that are there are kept.
    public func rotateTracking(from time: Timestamp = .now) throws(EngineError) -> Report {
        let directory = try site.keyDirectory()
        let name = site.configuration.keys.value
        var file = try SiteKeys.trackingFile(in: directory, name: name)
        let place = "\(name)/\(SiteKeys.trackingFile)"
        if let last = file.keys.compactMap(\.since).max(), time <= last {
            throw EngineError(
                .usage,
                "\(place) has a key that begins at \(last), and a new one must begin later",
                fix: "wait, or name a later time"
            )
        }
        guard let key = file.add(from: time) else {
            throw EngineError(
                .configuration,
                "\(place) holds 255 keys",
                fix: "remove the oldest lines; their messages' links stop working"
            )
        }
        do {
            let text = file.text
            try directory.replace(SiteKeys.trackingFile, permissions: 0o600) { try $0.append(text) }
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
        return Report(key: Int(key.id), since: "\(time)", keys: file.keys.count, file: place)
    }
}
