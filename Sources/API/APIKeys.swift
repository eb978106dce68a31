public import Core
import OpenSSL
import YAML

/// The keys of a site's API.
public struct APIKeys: Sendable {
    /// The keys, in the file's order.
    public var all: [APIKey]

    /// Collects keys.
    public init(_ all: [APIKey] = []) {
        self.all = all
    }

    /// The key of a text, if it is good now.
    ///
    /// Digests of random bytes are compared: what an early difference takes less time tells nothing of the key.
    func key(of text: some StringProtocol, at now: Timestamp) -> APIKey? {
        guard let digest = APIKey.digest(of: text) else { return nil }
        return all.first { $0.digest == digest && $0.isGood(at: now) }
    }

    // MARK: - The file

    /// Reads the keys' file: each name with `sha256`, `scopes` and what limits it.
    public static func parse(bytes: [UInt8], file: String) throws(Diagnostics) -> APIKeys {
        guard bytes.contains(where: { $0 > 0x20 }), !isComment(bytes) else { return APIKeys() }
        let problems = ProblemList()
        let root = try YAMLReader.read(bytes, file: file)
        guard case .mapping(let pairs) = root.content else {
            throw Diagnostics([
                Diagnostic(
                    "the file must be a mapping of names",
                    at: root.place,
                    fix: "`wardpost keys api add NAME` writes it"
                )
            ])
        }
        var keys: [APIKey] = []
        for pair in pairs {
            guard let key = key(pair, problems) else { continue }
            if keys.contains(where: { $0.digest == key.digest }) {
                problems.report("the key of \(Words.quoted(key.name)) is another one's, too", at: pair.key.place)
            }
            keys.append(key)
        }
        try problems.throwIfAny()
        return APIKeys(keys)
    }

    private static func isComment(_ bytes: [UInt8]) -> Bool {
        lines(bytes).allSatisfy { line in
            let first = line.first { $0 > 0x20 }
            return first == nil || first == UInt8(ascii: "#")
        }
    }

    /// The keys of an entry.
    private static let known = ["sha256", "scopes", "domains", "jobs", "expires", "made"]

    private static func key(_ pair: YAMLNode.Pair, _ problems: ProblemList) -> APIKey? {
        guard isGood(name: pair.key.value) else {
            problems.report(
                "\(Words.quoted(pair.key.value)) is no name of a key",
                at: pair.key.place,
                fix: "write letters, digits, hyphens, dots and underscores, at most 64"
            )
            return nil
        }
        guard
            let fields = MappingReader(
                pair.value,
                path: pair.key.value,
                at: pair.key.place,
                known: known,
                problems: problems
            )
        else { return nil }
        let digest = fields.value("sha256", required: true, expected: "64 hexadecimal digits") { text in
            Hex.decode(text).flatMap { $0.count == SHA256.byteCount ? $0 : nil }
        }
        let scopes = fields.texts("scopes", of: "scopes", required: true).compactMap { text -> APIScope? in
            if let scope = APIScope(rawValue: text.value) { return scope }
            let words = APIScope.allCases.map(\.rawValue)
            fields.wrong(
                "each of \(fields.name("scopes"))",
                text,
                expected: Words.list(words),
                fix: Words.suggestion(for: text.value, in: words)
            )
            return nil
        }
        let domains = fields.keyPlace("domains").map { _ in fields.texts("domains", of: "domains").map(\.value) }
        let jobs = fields.keyPlace("jobs").map { _ in
            fields.texts("jobs", of: "jobs").compactMap { text -> JobID? in
                let job = JobID(text.value)
                if job == nil { fields.wrong("each of \(fields.name("jobs"))", text, expected: "a job's number") }
                return job
            }
        }
        let expires = fields.value("expires", expected: "a day such as 2027-01-15") { Timestamp("\($0) 00:00:00") }
        _ = fields.text("made")
        guard let digest else { return nil }
        return APIKey(
            name: pair.key.value,
            digest: digest.value,
            scopes: Set(scopes),
            domains: domains.map { Set($0.map { $0.lowercased() }) },
            jobs: jobs.map { Set($0) },
            expires: expires?.value
        )
    }

    /// Whether a name can stand in the file as it is.
    public static func isGood(name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x41...0x5A).contains(byte & 0xDF) || (0x30...0x39).contains(byte) || "-._".utf8.contains(byte)
            }
    }

    // MARK: - Changing the file

    /// The file with one more key, behind what stands there.
    public static func adding(_ key: APIKey, made: Timestamp, to bytes: [UInt8]) -> [UInt8] {
        var text = String(decoding: bytes, as: UTF8.self)
        if text.isEmpty { text = "# Keys of the API: digests alone; `wardpost keys api` adds and removes them.\n" }
        if !text.hasSuffix("\n") { text += "\n" }
        text += "\(key.name):\n  sha256: \(Hex.encode(key.digest))\n"
        text += "  scopes: [\(APIScope.allCases.filter(key.scopes.contains).map(\.rawValue).joined(separator: ", "))]\n"
        if let domains = key.domains { text += "  domains: [\(domains.sorted().joined(separator: ", "))]\n" }
        if let jobs = key.jobs { text += "  jobs: [\(jobs.map { "\"\($0)\"" }.sorted().joined(separator: ", "))]\n" }
        if let expires = key.expires { text += "  expires: \(String("\(expires)".prefix(10)))\n" }
        text += "  made: \(made)\n"
        return Array(text.utf8)
    }

    /// The file without a key: its line and all below that belong to it; `nil` if it has none of that name.
    public static func removing(_ name: String, from bytes: [UInt8], file: String) throws(Diagnostics) -> [UInt8]? {
        guard case .mapping(let pairs) = try YAMLReader.read(bytes, file: file).content,
            let index = pairs.firstIndex(where: { $0.key.value == name })
        else { return nil }
        let lines = lines(bytes)
        let start = pairs[index].key.place.line - 1
        let end = index + 1 < pairs.count ? pairs[index + 1].key.place.line - 1 : lines.count
        // Comments above the next one are the next one's.
        let own = lines[start..<max(start, end)].reversed().drop { isBlankOrComment($0) }.count
        let rest = Array((lines[..<start] + lines[(start + own)...]).joined())
        let others = try? parse(bytes: bytes, file: file).all.filter { $0.name != name }
        let left = try parse(bytes: rest, file: file).all
        guard left == others ?? left.filter({ $0.name != name }) else {
            throw Diagnostics([
                Diagnostic(
                    "the key's lines are another one's, too",
                    at: pairs[index].key.place,
                    fix: "take it out by hand"
                )
            ])
        }
        return rest
    }

    /// The lines with their ends, as YAML counts them: behind CR LF, LF or a lone CR.
    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        for (index, byte) in bytes.enumerated() where byte == 0x0A || byte == 0x0D {
            if byte == 0x0D, index + 1 < bytes.count, bytes[index + 1] == 0x0A { continue }
            lines.append(bytes[start...index])
            start = index + 1
        }
        return lines + [bytes[start...]]
    }

    private static func isBlankOrComment(_ line: ArraySlice<UInt8>) -> Bool {
        let first = line.first ?? 0x0A
        return first == UInt8(ascii: "#") || line.allSatisfy { $0 <= 0x20 }
    }
}
