import Core

/// A feedback report (RFC 5965): who complained, of what.
struct FeedbackReport {
    var kind: ReturnedMessage.Kind
    var addresses: [String]
    var returnPath: String?
    var envelopeID: String?

    /// Reads the fields of a `message/feedback-report` part.
    init(_ fields: StatusFields) {
        let all = fields.groups.flatMap(\.self)
        switch all.value("feedback-type").map({ Lines.trimmed($0).lowercased() }) ?? "abuse" {
        case "opt-out", "opt-out-list", "unsubscribe": kind = .optOut
        // Mail that was judged too hard, and reports of failed authentication (RFC 6591), are no complaints.
        case "not-spam", "auth-failure", "dmarc", "miscategorized": kind = .other
        default: kind = .complaint
        }
        let named = [
            "original-rcpt-to", "original-recipient", "removal-recipient", "x-hmxmroriginalrecipient",
            "redacted-address",
        ]
        addresses =
            named.lazy.map { name in
                all.values(name).flatMap { value in
                    AddressText.leading(Array(value.utf8)[...]).map { [$0.address] } ?? []
                }
            }.first { !$0.isEmpty } ?? []
        returnPath = all.value("original-mail-from").flatMap { AddressText.all(in: $0, atMost: 1).first }
        envelopeID = all.value("original-envelope-id")
    }

    /// What the message that came back says, where the report names no recipient.
    static func addresses(in returned: [HeaderField]) -> [String] {
        for name in ["x-hmxmroriginalrecipient", "delivered-to", "x-original-to", "to", "cc"] {
            let found = returned.values(name).flatMap { AddressText.all(in: $0, atMost: 20) }
            if !found.isEmpty { return found }
        }
        return []
    }
}

/// A notification of Amazon SES, as its notification service mails it: JSON in a text part.
struct ServiceNotification {
    var kind: ReturnedMessage.Kind
    var findings: [Finding] = []
    var messageID: String?
    var returnPath: String?
    var to: [String] = []

    /// Reads a text; `nil` if it is no such notification.
    init?(_ text: String) {
        let bytes = Self.unfolded(text)
        guard bytes.first == UInt8(ascii: "{"), let top = JSONValue.read(bytes) else { return nil }
        // The notification may stand as a text inside the service's own envelope.
        let body = top["Message"]?.text.flatMap { JSONValue.read(Array($0.utf8)) } ?? top
        switch body["notificationType"]?.text ?? body["eventType"]?.text {
        case "Bounce":
            kind = .bounce
            let isTransient = body["bounce"]?["bounceType"]?.text == "Transient"
            findings = (body["bounce"]?["bouncedRecipients"]?.items ?? []).compactMap { item in
                Self.finding(item, isTransient: isTransient)
            }
        case "Complaint":
            kind = .complaint
            findings = (body["complaint"]?["complainedRecipients"]?.items ?? []).compactMap {
                $0["emailAddress"]?.text.map { Finding(address: $0) }
            }
        case "Delivery":
            kind = .delivered
            findings = (body["delivery"]?["recipients"]?.items ?? []).compactMap(\.text).map { address in
                var finding = Finding(address: address)
                finding.action = .delivered
                return finding
            }
        default: return nil
        }
        messageID = body["mail"]?["messageId"]?.text
        returnPath = body["mail"]?["source"]?.text
        to = body["mail"]?["destination"]?.items.compactMap(\.text) ?? []
    }

    private static func finding(_ item: JSONValue, isTransient: Bool) -> Finding? {
        guard let address = item["emailAddress"]?.text,
            let plain = AddressText.all(in: address, atMost: 1).first
        else { return nil }
        var finding = Finding(address: plain)
        finding.status = item["status"]?.text.flatMap { EnhancedStatus(startOf: $0) }
        var diagnostic = item["diagnosticCode"]?.text ?? ""
        if diagnostic.lowercased().hasPrefix("smtp;") { diagnostic = Lines.trimmed(diagnostic.dropFirst(5)) }
        finding.diagnostic = diagnostic
        if item["action"]?.text?.lowercased() == "delayed" { finding.action = .delayed }
        return finding
    }

    /// Long lines were broken on the way, a space before what goes on.
    private static func unfolded(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var isAtStart = true
        for byte in text.utf8.drop(while: Lines.isSpace) {
            if byte == 0x0A || byte == 0x0D {
                isAtStart = true
            } else {
                if !(isAtStart && byte == 0x20) { bytes.append(byte) }
                isAtStart = false
            }
        }
        return bytes
    }
}
