/// Which header fields a signature covers, and with what they go into it.
///
/// A verifier takes as many fields of a name as the signature lists, from the bottom up. Every name is listed once more
/// than the message has it, so that one added on the way breaks the signature (RFC 6376 section 8.15).
struct SignedFields {
    /// The names for `h=`, in lower case.
    private(set) var names: [[UInt8]] = []
    /// The canonical form of the fields, in that order.
    private(set) var canonical: [UInt8] = []

    /// The names that are listed whether the message has them or not: what people see, where answers go, how the body
    /// is read, and how to opt out.
    ///
    /// None of these is added by a relay that passes mail on as it is.
    private static let always = [
        "from", "reply-to", "subject", "date", "to", "cc", "message-id", "mime-version", "content-type",
        "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post",
    ].map { Array($0.utf8) }

    /// The names that are listed if the message has them.
    private static let ifPresent = [
        "sender", "list-id", "feedback-id", "auto-submitted", "content-language",
    ].map { Array($0.utf8) }

    private static let all = always + ifPresent

    /// Picks from a message's fields.
    init(_ fields: [HeaderField], of message: [UInt8]) {
        let all = Self.all
        names.reserveCapacity(32)
        canonical.reserveCapacity(1_024)
        let places = fields.map { field in all.firstIndex { Self.isSame(field, message, $0) } }
        for (place, name) in all.enumerated() {
            var isThere = false
            // From the bottom up.
            for index in stride(from: fields.count - 1, through: 0, by: -1) where places[index] == place {
                names.append(name)
                RelaxedHeader.append(fields[index], of: message, to: &canonical)
                isThere = true
            }
            if isThere || place < Self.always.count { names.append(name) }
        }
    }

    private static func isSame(_ field: HeaderField, _ message: [UInt8], _ name: [UInt8]) -> Bool {
        guard field.name.count == name.count else { return false }
        var index = field.name.lowerBound
        for byte in name {
            if RelaxedHeader.lower(message[index]) != byte { return false }
            index += 1
        }
        return true
    }
}
