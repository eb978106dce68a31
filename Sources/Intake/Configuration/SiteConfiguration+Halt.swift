import Core
import YAML

extension SiteConfiguration.Halt {
    /// What holds where `halt` is given and a key of it is not: a fifth, once fifty rows have their answers.
    static let usual = Self(refused: Percentage(permille: 200), after: 50)

    /// Reads `halt`; `nil` if it is not there.
    static func read(_ reader: MappingReader) -> Self? {
        guard let fields = reader.mapping("halt", known: ["refused", "after"]) else { return nil }
        let refused = fields.value(
            "refused",
            expected: "a share such as 20%",
            fix: "write a number from 0.1 to 99.9 and %"
        ) { Percentage($0) }
        let after = fields.number("after", in: 1...1_000_000)
        return Self(refused: refused?.value ?? usual.refused, after: after?.value ?? usual.after)
    }
}

/// A share: `20%`, `2.5%`; more than nothing and less than all.
public struct Percentage: Hashable, Sendable, CustomStringConvertible {
    /// In thousandths.
    public let permille: Int

    /// A share in thousandths.
    public init(permille: Int) {
        self.permille = permille
    }

    /// Reads `20%` or `2.5%`; `nil` for anything else.
    public init?(_ text: String) {
        guard text.hasSuffix("%") else { return nil }
        let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = parts.first.flatMap({ WholeNumber.read($0) }), whole < 100 else {
            return nil
        }
        var tenths = 0
        if parts.count == 2 {
            guard parts[1].utf8.count == 1, let digit = WholeNumber.read(parts[1]) else { return nil }
            tenths = digit
        }
        permille = whole * 10 + tenths
        guard permille > 0 else { return nil }
    }

    /// Whether so many of so many are more than this share.
    public func isPassed(by part: Int, of all: Int) -> Bool {
        part * 1_000 > permille * all
    }

    /// The form in which it is written.
    public var description: String {
        permille.isMultiple(of: 10) ? "\(permille / 10)%" : "\(permille / 10).\(permille % 10)%"
    }
}
