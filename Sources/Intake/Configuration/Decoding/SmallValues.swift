import Core
import YAML

/// Names of routes and lists: they stand in results, on command lines and in tokens.
enum RouteName {
    static func isGood(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x41...0x5A).contains(byte & 0xDF) || (0x30...0x39).contains(byte) || "-._".utf8.contains(byte)
            }
    }
}

/// BCP 47 language tags, by their form.
enum LanguageTag {
    static func read(_ reader: MappingReader) -> Placed<String>? {
        reader.value("language", expected: "a language tag such as en or de-CH") { isGood($0) ? $0 : nil }
    }

    static func isGood(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard let first = parts.first, (2...8).contains(first.utf8.count), first.utf8.allSatisfy(isLetter) else {
            return false
        }
        return text.utf8.count <= 35
            && parts.allSatisfy { part in
                (1...8).contains(part.utf8.count)
                    && part.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte & 0xDF)
    }
}

extension Rate {
    static func read(_ reader: MappingReader) -> Placed<Rate>? {
        reader.value("rate", expected: "a number in a time such as 50/s, 600/min or 10000/h") { Rate($0) }
    }
}

/// The URL that tracking links start with.
enum BaseURL {
    /// Checks an https URL; gives it with its host in lower-case A-labels and without a slash at its end.
    static func read(_ text: String) -> String? {
        let scheme = "https://"
        guard text.utf8.count <= 200, text.lowercased().hasPrefix(scheme) else { return nil }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        var path = rest.dropFirst(authority.count)
        let hasPort = authority.last != "]" && authority.contains(":")
        guard let endpoint = Endpoint(hasPort ? String(authority) : "\(authority):443") else { return nil }
        while path.last == "/" { path = path.dropLast() }
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        guard path.isEmpty || parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }),
            path.utf8.allSatisfy({ byte in
                (0x41...0x5A).contains(byte & 0xDF) || (0x30...0x39).contains(byte) || "/-._~".utf8.contains(byte)
            })
        else { return nil }
        let whole = endpoint.description
        return scheme + (hasPort ? whole : String(whole.dropLast(":443".count))) + path
    }
}

extension TimeZoneFile {
    /// What to do about a zone that is not there.
    static func hint(for name: String, in database: String = database) -> String {
        let names = names(in: database)
        guard !names.isEmpty else { return "install the tzdata package, or use UTC" }
        if let nearest = Suggestion.nearest(to: String(name.prefix(60)), in: names) {
            return "did you mean \(Words.quoted(nearest))?"
        }
        return "write it like America/Chicago, Europe/Berlin or UTC"
    }

    /// The zones of the database's own table, third column of `zone.tab`.
    private static func names(in database: String) -> [String] {
        guard let bytes = read("\(database)/zone.tab") else { return [] }
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: "\t"))
            guard line.first != UInt8(ascii: "#"), fields.count >= 3 else { return nil }
            return String(decoding: fields[2], as: UTF8.self)
        }
    }
}
