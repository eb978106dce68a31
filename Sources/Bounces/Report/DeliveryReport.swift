/// The recipients of a delivery report: a `message/delivery-status` part, or its fields in the middle of a text.
struct DeliveryReport {
    var findings: [Finding] = []
    var envelopeID: String?
    var messageID: String?
    /// Groups that report on a recipient but name none that is an address.
    var nameless: [Finding] = []

    init(_ fields: StatusFields) {
        // Where no other server had a part in it, the reporting one refused.
        let reporting = fields.groups.first?.value("reporting-mta").map { Self.host($0) } ?? ""
        for group in fields.groups {
            if let found = group.value("original-envelope-id") { envelopeID = found }
            if let found = group.value("x-original-message-id") { messageID = found }
            let isRecipient = [
                "final-recipient", "original-recipient", "action", "diagnostic-code", "x-actual-recipient",
            ]
            .contains { group.value($0) != nil }
            guard isRecipient, let action = Self.action(group) else { continue }
            var finding = Finding(address: "")
            finding.action = action
            finding.status = group.value("status").flatMap { EnhancedStatus(startOf: $0) }
            finding.host = group.value("remote-mta").map { Self.host($0) } ?? reporting
            if let code = group.value("diagnostic-code") {
                (finding.diagnosticType, finding.diagnostic) = Self.typed(code)
            }
            // `Status: 5.1.1 (User unknown)`: the comment is all that some systems say.
            if finding.diagnostic.isEmpty, let comment = group.value("status").flatMap(Self.comment) {
                finding.diagnostic = comment
            }
            let final = group.value("final-recipient").flatMap { Self.address(Self.typed($0).value) }
            let original = group.value("original-recipient").flatMap { Self.address(Self.typed($0).value) }
            guard let address = final ?? original else {
                nameless.append(finding)
                continue
            }
            finding.address = address
            finding.original = original == address ? nil : original
            findings.append(finding)
        }
    }

    private static func action(_ group: [HeaderField]) -> ReportedRecipient.Action? {
        guard let word = group.value("action")?.lowercased() else { return .failed }
        let exact = ReportedRecipient.Action.allCases.first { word.hasPrefix($0.rawValue) }
        if let exact { return exact }
        // `Action: Failure`, `error`, `expired`, `delay`.
        return word.hasPrefix("delay") ? .delayed : word.hasPrefix("deliver") ? .delivered : .failed
    }

    /// `smtp; 550 5.1.1 …` is type and value; without a type, all is value.
    private static func typed(_ field: String) -> (type: String, value: String) {
        guard let semicolon = field.utf8.firstIndex(of: UInt8(ascii: ";")) else { return ("", field) }
        let type = Lines.trimmed(field[..<semicolon])
        let isType =
            !type.isEmpty && type.utf8.count <= 40
            && type.utf8.allSatisfy {
                (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F
            }
        guard isType else { return ("", field) }
        return (type.lowercased(), Lines.trimmed(field[field.utf8.index(after: semicolon)...]))
    }

    /// The address that a field gives; a source route or a program's name is none.
    private static func address(_ value: String) -> String? {
        let bytes = Array(value.utf8)
        if bytes.first == UInt8(ascii: "@") || bytes.first == UInt8(ascii: "|") { return nil }
        return AddressText.leading(bytes[...])?.address
    }

    private static func comment(_ status: String) -> String? {
        guard let open = status.utf8.firstIndex(of: UInt8(ascii: "(")) else { return nil }
        let text = status[status.utf8.index(after: open)...]
        return Lines.trimmed(text.hasSuffix(")") ? text.dropLast() : text)
    }

    private static func host(_ field: String) -> String {
        let value = typed(field).value.lowercased()
        return String(value.prefix { $0 != " " && $0 != "(" && $0 != "|" && $0 != "[" }.prefix(255))
    }
}
