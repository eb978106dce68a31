/// The fields of a delivery report (RFC 3464) or a feedback report (RFC 5965): groups, an empty line between two.
struct StatusFields {
    /// The groups, the first of which speaks of the message.
    private(set) var groups: [[HeaderField]] = []

    /// Reads the text of a part.
    init(_ text: String) {
        self.init(Lines.split(text)[...])
    }

    /// Reads lines.
    init(_ lines: ArraySlice<String>) {
        var group: [HeaderField] = []
        for line in lines {
            if line.utf8.allSatisfy(Lines.isSpace) {
                end(&group)
            } else if let first = line.utf8.first, Lines.isSpace(first) {
                guard let last = group.popLast() else { continue }
                let value =
                    last.value.utf8.count < SearchText.maximum ? last.value + " " + Lines.trimmed(line) : last.value
                group.append(HeaderField(name: last.name, value: value))
            } else if let field = Self.field(line) {
                // Some programs forget the empty line between two recipients.
                let repeats = field.name == "final-recipient" && group.contains { $0.name == "final-recipient" }
                if repeats { end(&group) }
                group.append(field)
            }
        }
        end(&group)
    }

    private mutating func end(_ group: inout [HeaderField]) {
        if !group.isEmpty { groups.append(group) }
        group = []
    }

    /// `Name: value`.
    static func field(_ line: String) -> HeaderField? {
        guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let name = line[..<colon]
        guard (1...60).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        return HeaderField(name: name.lowercased(), value: Lines.trimmed(line[line.utf8.index(after: colon)...]))
    }
}

extension [HeaderField] {
    /// The first field of a name.
    func value(_ name: String) -> String? {
        first { $0.name == name }?.value
    }

    /// All fields of a name.
    func values(_ name: String) -> [String] {
        filter { $0.name == name }.map(\.value)
    }
}
