import Web

/// The fields of an `application/x-www-form-urlencoded` body, as a browser or a mail program sends it.
struct FormFields: Sendable {
    /// More fields than this are not looked at.
    static let maximumCount = 1_000

    private var fields: [String: String] = [:]

    /// Reads a body; of a name that stands twice the first value counts, and what is no text is left out.
    init(_ body: some Collection<UInt8>) {
        for pair in body.split(separator: UInt8(ascii: "&")).prefix(Self.maximumCount) {
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            guard let key = FormText.decoded(name), let value = FormText.decoded(pair.dropFirst(name.count + 1)) else {
                continue
            }
            if fields[key] == nil { fields[key] = value }
        }
    }

    subscript(name: String) -> String? {
        fields[name]
    }
}
