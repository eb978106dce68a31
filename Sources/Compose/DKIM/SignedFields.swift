/// Which header fields a signature covers, and with what they go into it.
///
/// A verifier takes as many fields of a name as the signature lists, from the bottom up. Every name is listed once more
/// than the message has it, so that one added on the way breaks the signature (RFC 6376 section 8.15).
struct SignedFields {
    /// The names for `h=`, in lower case, a colon behind each.
    private(set) var names: [UInt8] = []
    /// The canonical form of the fields, in that order.
    private(set) var canonical: [UInt8] = []

    /// A name, by its place in the text of all.
    private struct Name {
        var text: Range<Int>
        /// Whether it is listed though the message does not have it.
        var isAlways: Bool
    }

    /// One text instead of an array for each name: several cores sign at a time, and would take turns at counting their references.
    private static let (text, all) = {
        // What people see, where answers go, how the body is read, and how to opt out. None of these is added by a relay that
        // passes mail on as it is.
        let always = [
            "from", "reply-to", "subject", "date", "to", "cc", "message-id", "mime-version", "content-type",
            "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post",
        ]
        let ifPresent = ["sender", "list-id", "feedback-id", "auto-submitted", "content-language"]
        var text: [UInt8] = []
        var all: [Name] = []
        for (index, name) in (always + ifPresent).enumerated() {
            all.append(Name(text: text.count..<(text.count + name.utf8.count), isAlways: index < always.count))
            text += name.utf8
        }
        return (text, all)
    }()

    /// Picks from a message's fields.
    init(_ fields: [HeaderField], of message: [UInt8]) {
        let (text, all) = (Self.text, Self.all)
        names.reserveCapacity(320)
        canonical.reserveCapacity(1_024)
        let places = fields.map { field in all.firstIndex { Self.isSame(field, message, $0.text, of: text) } }
        for place in all.indices {
            var isThere = false
            // From the bottom up.
            for index in stride(from: fields.count - 1, through: 0, by: -1) where places[index] == place {
                appendName(all[place].text, of: text)
                RelaxedHeader.append(fields[index], of: message, to: &canonical)
                isThere = true
            }
            if isThere || all[place].isAlways { appendName(all[place].text, of: text) }
        }
    }

    private mutating func appendName(_ name: Range<Int>, of text: [UInt8]) {
        for index in name { names.append(text[index]) }
        names.append(0x3A)
    }

    private static func isSame(_ field: HeaderField, _ message: [UInt8], _ name: Range<Int>, of text: [UInt8]) -> Bool {
        guard field.name.count == name.count else { return false }
        for offset in 0..<name.count {
            if RelaxedHeader.lower(message[field.name.lowerBound + offset]) != text[name.lowerBound + offset] {
                return false
            }
        }
        return true
    }
}
