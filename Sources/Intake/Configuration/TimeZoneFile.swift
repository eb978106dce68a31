import Glibc

/// Reads a zone out of the system's tz database (RFC 9636, TZif).
enum TimeZoneFile {
    /// Where the database lies.
    static let database = "/usr/share/zoneinfo"

    /// Whether a text can be a zone's name at all, and so cannot lead out of the database.
    ///
    /// Parts of letters, digits, `_`, `+` and `-`, each starting with a letter, with `/` between.
    static func isName(_ text: String) -> Bool {
        guard (1...64).contains(text.utf8.count) else { return false }
        return text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.utf8.first, (0x41...0x5A).contains(first & 0xDF) else { return false }
            return part.utf8.allSatisfy { byte in
                (0x41...0x5A).contains(byte & 0xDF) || (0x30...0x39).contains(byte) || "_+-".utf8.contains(byte)
            }
        }
    }

    /// Reads a zone; `nil` if the database has none of that name.
    ///
    /// Opened by plain `open`, since the database is the system's own and made of links.
    static func load(_ name: String, from database: String = database) -> TimeZoneRules? {
        if name == "UTC" || name == "Etc/UTC" { return TimeZoneRules(name: name, fixed: 0) }
        // Those below `right` count leap seconds, which no clock on a wall does.
        guard isName(name), !name.hasPrefix("right/"), let bytes = read("\(database)/\(name)") else { return nil }
        return parse(bytes, name: name)
    }

    static func read(_ path: String) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= 1 << 20
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let got = unsafe bytes.withUnsafeMutableBytes { buffer in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
                return unsafe Glibc.read(descriptor, rest.baseAddress, rest.count)
            }
            guard got > 0 else { return nil }
            count += got
        }
        return bytes
    }

    /// Reads the file's second block, with 64-bit times, and the rule behind it.
    static func parse(_ bytes: [UInt8], name: String) -> TimeZoneRules? {
        var input = Input(rest: bytes[...])
        guard let old = input.header(), old.version >= UInt8(ascii: "2"), input.skip(old.length(timeSize: 4)),
            let header = input.header(), header.types >= 1, header.length(timeSize: 8) <= input.rest.count
        else { return nil }
        let transitions = (0..<header.times).map { _ in input.integer(8) }
        let indices = (0..<header.times).map { _ in Int(input.integer(1)) & 0xFF }
        var types: [Int] = []
        for _ in 0..<header.types {
            types.append(Int(input.integer(4)))
            _ = input.skip(2)
        }
        guard indices.allSatisfy(types.indices.contains), zip(transitions, transitions.dropFirst()).allSatisfy(<),
            types.allSatisfy({ (-93_600...93_600).contains($0) }),
            input.skip(header.characters + header.leaps * 12 + header.standards + header.universals),
            input.rest.first == UInt8(ascii: "\n"), let end = input.rest.dropFirst().firstIndex(of: UInt8(ascii: "\n"))
        else { return nil }
        let footer = String(decoding: input.rest[(input.rest.startIndex + 1)..<end], as: UTF8.self)
        let rule = YearlyRule(footer)
        guard footer.isEmpty || rule != nil else { return nil }
        return TimeZoneRules(
            name: name,
            transitions: transitions,
            offsets: indices.map { types[$0] },
            first: types[0],
            rule: rule
        )
    }

    private struct Header {
        var version: UInt8
        var universals, standards, leaps, times, types, characters: Int

        func length(timeSize: Int) -> Int {
            times * (timeSize + 1) + types * 6 + characters + leaps * (timeSize + 4) + standards + universals
        }
    }

    private struct Input {
        var rest: ArraySlice<UInt8>

        mutating func skip(_ count: Int) -> Bool {
            guard count <= rest.count else { return false }
            rest = rest.dropFirst(count)
            return true
        }

        /// A signed big-endian integer; the caller has checked that the bytes are there.
        mutating func integer(_ size: Int) -> Int64 {
            var value: Int64 = size < 8 && (rest.first ?? 0) >= 0x80 ? -1 : 0
            for byte in rest.prefix(size) {
                value = value << 8 | Int64(byte)
            }
            rest = rest.dropFirst(size)
            return value
        }

        mutating func header() -> Header? {
            guard rest.count >= 44, rest.starts(with: "TZif".utf8) else { return nil }
            let version = rest[rest.startIndex + 4]
            rest = rest.dropFirst(20)
            let counts = (0..<6).map { _ in Int(integer(4)) }
            guard counts.allSatisfy({ (0...1 << 16).contains($0) }) else { return nil }
            return Header(
                version: version,
                universals: counts[0],
                standards: counts[1],
                leaps: counts[2],
                times: counts[3],
                types: counts[4],
                characters: counts[5]
            )
        }
    }
}

extension TimeZoneRules {
    /// A zone whose offset never changes.
    init(name: String, fixed offset: Int) {
        self.init(name: name, transitions: [], offsets: [], first: offset, rule: nil)
    }

    /// Reads a zone from the system's tz database; `nil` if it has none of that name.
    ///
    /// `UTC` is always there.
    public init?(named name: String) {
        guard let rules = TimeZoneFile.load(name) else { return nil }
        self = rules
    }
}
