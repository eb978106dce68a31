public import Core

extension Mailbox {
    /// Why a text is not one mailbox.
    public enum Refused: Error, Hashable, Sendable {
        /// The address itself is refused.
        case address(Address.Refused)
        /// A name and an address without angle brackets around the address.
        case brackets
        /// More than one mailbox, or a group.
        case several
        /// A comment in parentheses.
        case comment
        /// A character in the display name that needs quotes.
        case needsQuotes(Unicode.Scalar)
        /// A quote that is not closed, or text behind the address.
        case quote
        /// A control character in the display name.
        case control
        /// An encoded word (RFC 2047); text is written as it is read.
        case encodedWord
        /// A display name of more than 200 characters.
        case length

        /// What the rule is, as a clause.
        public var rule: String {
            switch self {
            case .address(let refused): refused.rule
            case .brackets: "a name is followed by the address in angle brackets: Name <name@domain>"
            case .several: "there must be one mailbox only"
            case .comment: "a comment in parentheses is not taken"
            case .needsQuotes(let scalar): "a name with \(scalar) in it needs double quotes"
            case .quote: "a quote is not closed"
            case .control: "a name cannot hold control characters"
            case .encodedWord: "a name is written as people read it, not as an encoded word"
            case .length: "a name can have 200 characters at most"
            }
        }
    }

    /// Reads `name@domain`, `<name@domain>`, `Name <name@domain>` or `"Name" <name@domain>` (RFC 5322 section 3.4).
    ///
    /// A dot in an unquoted name is taken (section 4.1, and everybody writes it); other special characters need quotes.
    public init(parsing text: String) throws(Refused) {
        var scanner = Scanner(rest: Array(text.unicodeScalars)[...])
        let words = try scanner.displayName()
        guard scanner.rest.first == "<" else {
            // No bracket at all: the whole text has to be an address.
            if text.filter({ $0 == "@" }).count > 1, text.contains(",") { throw .several }
            if words.count > 1, text.contains("@") { throw .brackets }
            self.init(address: try Self.address(text))
            return
        }
        let address = scanner.rest.dropFirst()
        guard let end = address.firstIndex(of: ">") else { throw .brackets }
        guard end == address.endIndex - 1 else {
            throw address[(end + 1)...].contains("@") || address[(end + 1)...].contains(",") ? .several : .brackets
        }
        let name = words.joined(separator: " ")
        guard name.unicodeScalars.count <= 200 else { throw .length }
        if name.contains("=?"), name.contains("?=") { throw .encodedWord }
        let value: HeaderValue
        do throws(HeaderValue.Refused) {
            value = try HeaderValue(name)
        } catch {
            throw .control
        }
        self.init(
            displayName: name.isEmpty ? nil : value,
            address: try Self.address(String(String.UnicodeScalarView(address[..<end])))
        )
    }

    private static func address(_ text: String) throws(Refused) -> Address {
        do throws(Address.Refused) {
            return try AddressParser.parse(text)
        } catch {
            throw .address(error)
        }
    }

    private struct Scanner {
        var rest: ArraySlice<Unicode.Scalar>

        /// The words up to an angle bracket, quoted ones without their quotes.
        mutating func displayName() throws(Refused) -> [String] {
            let whole = rest
            var words: [String] = []
            while let next = rest.first, next != "<" {
                switch next {
                case " ", "\t": rest = rest.dropFirst()
                case "\"": words.append(try quoted())
                case "(": throw .comment
                default:
                    let word = rest.prefix { !" \t<\"".unicodeScalars.contains($0) }
                    rest = rest.dropFirst(word.count)
                    words.append(String(String.UnicodeScalarView(word)))
                    // Without a bracket behind it all, the word may be an address and is judged as one.
                    guard whole.contains("<") else { continue }
                    try check(word, in: whole)
                }
            }
            return words
        }

        private func check(_ word: ArraySlice<Unicode.Scalar>, in whole: ArraySlice<Unicode.Scalar>) throws(Refused) {
            for scalar in word {
                if scalar == "(" || scalar == ")" { throw .comment }
                if ",;:".unicodeScalars.contains(scalar), whole.filter({ $0 == "@" }).count > 1 { throw .several }
                if ">[]:;@\\,".unicodeScalars.contains(scalar) { throw .needsQuotes(scalar) }
                if !HeaderValue.allows(scalar) { throw .control }
            }
        }

        private mutating func quoted() throws(Refused) -> String {
            var text = String.UnicodeScalarView()
            rest = rest.dropFirst()
            while let scalar = rest.popFirst() {
                switch scalar {
                case "\"": return String(text)
                case "\\":
                    guard let escaped = rest.popFirst() else { throw .quote }
                    text.append(escaped)
                default: text.append(scalar)
                }
            }
            throw .quote
        }
    }
}
