import Core

/// Finds line and column of an offset in a template.
///
/// Columns count scalars, so that `ü` and `患` are one column each.
struct PlaceMap: Sendable {
    private let source: TemplateSource
    private let lineStarts: [Int]

    init(_ source: TemplateSource) {
        var starts = [0]
        for (offset, byte) in source.bytes.enumerated() where byte == .lineFeed {
            starts.append(offset + 1)
        }
        self.source = source
        self.lineStarts = starts
    }

    func place(_ offset: Int) -> Place {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        let column = source.bytes[lineStarts[low]..<offset].scalarCount
        return Place(
            file: source.file,
            line: source.firstLine + low,
            column: column + (low == 0 ? source.firstColumn : 1)
        )
    }
}

extension Place {
    /// The place some bytes further on.
    func advanced(over bytes: ArraySlice<UInt8>) -> Place {
        var place = self
        if let last = bytes.lastIndex(of: .lineFeed) {
            place.line += bytes.count { $0 == .lineFeed }
            place.column = 1 + bytes[(last + 1)...].scalarCount
        } else {
            place.column += bytes.scalarCount
        }
        return place
    }
}

extension Sequence<UInt8> {
    /// How many scalars UTF-8 bytes hold.
    var scalarCount: Int {
        count { $0 & 0xC0 != 0x80 }
    }

    /// ASCII letters in lower case, everything else as it is.
    var lowercasedASCII: [UInt8] {
        map { $0.isUpper ? $0 | 0x20 : $0 }
    }
}

extension UInt8 {
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let tab = UInt8(ascii: "\t")

    /// HTML's white space: tab, line feed, form feed, carriage return, space.
    var isSpace: Bool {
        self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0C || self == 0x0D
    }

    /// A space or a tab.
    var isBlank: Bool {
        self == 0x20 || self == 0x09
    }

    var isUpper: Bool {
        0x41...0x5A ~= self
    }

    var isLetter: Bool {
        0x41...0x5A ~= self || 0x61...0x7A ~= self
    }

    var isDigit: Bool {
        0x30...0x39 ~= self
    }
}

extension Collection<UInt8> {
    /// Whether the bytes begin with ASCII text, in either case.
    func hasPrefix(ignoringCase text: StaticString) -> Bool {
        var rest = self[...]
        for byte in text.ascii {
            guard let first = rest.popFirst(), (first.isUpper ? first | 0x20 : first) == byte else { return false }
        }
        return true
    }
}

extension StaticString {
    /// The bytes of a literal.
    var ascii: String.UTF8View {
        description.utf8
    }
}
