import Core

/// How many messages may go out in a time: `50/s`, `600/min`, `10000/h`.
public struct Rate: Hashable, Sendable, CustomStringConvertible {
    /// The time that a rate counts by.
    public enum Unit: String, CaseIterable, Sendable {
        /// A second.
        case second = "s"
        /// A minute.
        case minute = "min"
        /// An hour.
        case hour = "h"

        /// How long it is.
        public var seconds: Int {
            switch self {
            case .second: 1
            case .minute: 60
            case .hour: 3_600
            }
        }
    }

    /// What a rate's number may be.
    public static let allowed = 1...1_000_000

    /// How many messages.
    public var messages: Int
    /// In which time.
    public var unit: Unit

    /// Creates a rate.
    public init(messages: Int, per unit: Unit) {
        self.messages = messages
        self.unit = unit
    }

    /// Reads `50/s`; `nil` for anything else.
    ///
    /// Digits only, no sign, no leading zero.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let unit = Unit(rawValue: String(parts[1])),
            let number = WholeNumber.read(String(parts[0])), Self.allowed.contains(number)
        else { return nil }
        self.init(messages: number, per: unit)
    }

    /// The rate in messages a second.
    public var perSecond: Double {
        Double(messages) / Double(unit.seconds)
    }

    /// The form in which it is written.
    public var description: String {
        "\(messages)/\(unit.rawValue)"
    }
}
