/// What stands between two cells.
public enum CSVDelimiter: UInt8, CaseIterable, Sendable {
    /// `,`
    case comma = 0x2C
    /// `;`, what spreadsheets write where the comma is the decimal sign.
    case semicolon = 0x3B
    /// A tab.
    case tab = 0x09

    /// Reads what a manifest gives: the character itself, or its name.
    public init?(name: String) {
        switch name.lowercased() {
        case ",", "comma": self = .comma
        case ";", "semicolon": self = .semicolon
        case "\t", "\\t", "tab": self = .tab
        default: return nil
        }
    }

    /// The name in a sentence for a person.
    public var label: String {
        switch self {
        case .comma: "commas"
        case .semicolon: "semicolons"
        case .tab: "tabs"
        }
    }

    /// What a header line shows of its delimiter.
    enum Finding: Equatable {
        case found(CSVDelimiter)
        /// Two kinds occur equally often; nothing tells which is meant.
        case tie(CSVDelimiter, CSVDelimiter)
        /// None occurs: a table of one column.
        case none
    }

    /// Looks at a header line: the one that occurs most, outside quotes.
    static func find(inHeader line: ArraySlice<UInt8>) -> Finding {
        var counts = [Int](repeating: 0, count: 256)
        var quoted = false
        for byte in line {
            if byte == UInt8(ascii: "\"") { quoted.toggle() }
            if !quoted { counts[Int(byte)] += 1 }
        }
        let ranked = allCases.sorted { counts[Int($0.rawValue)] > counts[Int($1.rawValue)] }
        let most = counts[Int(ranked[0].rawValue)]
        if most == 0 { return .none }
        if most == counts[Int(ranked[1].rawValue)] { return .tie(ranked[0], ranked[1]) }
        return .found(ranked[0])
    }
}
