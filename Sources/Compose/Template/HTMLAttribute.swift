/// What an attribute's value is, which decides what a tag in it may do.
enum HTMLAttributeKind: Equatable {
    /// Text that means nothing to the machine.
    case plain
    /// One URL.
    case url
    /// URLs one after another, with spaces or commas between.
    case urls
    case style
    case script
    /// A document of its own.
    case document
    /// A value that changes what the element does.
    case control

    /// The kind by the attribute's name; like html/template's table, with its guess for names that it does not know.
    init(_ attribute: String) {
        var name = attribute[...]
        if name.hasPrefix("data-") {
            name = name.dropFirst(5)
        } else if let colon = name.firstIndex(of: ":") {
            if name[..<colon] == "xmlns" {
                self = .url
                return
            }
            name = name[name.index(after: colon)...]
        }
        if name.hasPrefix("on") {
            self = .script
        } else if let known = Self.known[String(name)] {
            self = known
        } else if name.contains("src") || name.contains("uri") || name.contains("url") {
            self = .url
        } else {
            self = .plain
        }
    }

    private static let known: [String: HTMLAttributeKind] = {
        var known: [String: HTMLAttributeKind] = ["style": .style, "srcdoc": .document]
        let urls = """
            action background cite classid codebase data formaction href icon longdesc lowsrc dynsrc manifest poster \
            profile src usemap xmlns
            """
        for name in urls.split(separator: " ") { known[String(name)] = .url }
        for name in ["srcset", "imagesrcset", "ping", "archive"] { known[name] = .urls }
        let controls = """
            accept-charset async charset content crossorigin defer enctype form formenctype formmethod http-equiv \
            integrity is keytype language method nonce novalidate pattern rel sandbox type
            """
        for name in controls.split(separator: " ") { known[String(name)] = .control }
        return known
    }()
}

/// Which part of a URL a tag stands in.
enum URLPart: Equatable {
    /// Nothing says yet where the URL leads: scheme or host could come from the tag.
    case undecided
    /// Behind the host: path, query or fragment.
    case inside
    /// A scheme in which no value is safe.
    case refused(scheme: String)

    /// Looks at the URL up to the tag, its character references decoded.
    init(of prefix: [UInt8]) {
        // Browsers drop these anywhere in front of a scheme, so a scheme can hide behind them.
        let url = Array(prefix.drop { $0 <= 0x20 }).filter { $0 != .tab && $0 != .lineFeed && $0 != .carriageReturn }
        let scheme = url.prefix { $0.isLetter || $0.isDigit || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E }
        if let first = scheme.first, first.isLetter, url.dropFirst(scheme.count).first == UInt8(ascii: ":") {
            let name = String(decoding: scheme.lowercasedASCII, as: UTF8.self)
            let rest = url[(scheme.count + 1)...]
            switch name {
            case "http", "https": self = rest.starts(with: "//".utf8) ? Self.behindHost(rest.dropFirst(2)) : .undecided
            case "mailto", "tel", "sms", "cid": self = .inside
            default: self = .refused(scheme: name)
            }
            return
        }
        if url.starts(with: "//".utf8) {
            self = Self.behindHost(url.dropFirst(2))
            return
        }
        // Without a scheme only what can no longer become one is safe.
        let isInside = url.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        let hasBackslash = url.contains(UInt8(ascii: "\\"))
        self = isInside && !hasBackslash ? .inside : .undecided
    }

    private static func behindHost(_ rest: ArraySlice<UInt8>) -> URLPart {
        let host = rest.prefix { $0.isLetter || $0.isDigit || ".-_:[]%".utf8.contains($0) || $0 >= 0x80 }
        guard !host.isEmpty, let next = rest.dropFirst(host.count).first else { return .undecided }
        return "/?#".utf8.contains(next) ? .inside : .undecided
    }
}
