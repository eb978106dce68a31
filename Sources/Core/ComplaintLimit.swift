/// How many recipients of a job may complain before that is too much.
public struct ComplaintLimit: Hashable, Sendable, CustomStringConvertible {
    /// The share of sent rows, in thousandths, that must not be passed.
    public let permille: Int
    /// How many complaints there must be before the share means anything.
    public let minimum: Int

    /// Sets the measure.
    public init(permille: Int, minimum: Int) {
        self.permille = permille
        self.minimum = minimum
    }

    /// Whether so many complaints of so many sent rows are too much.
    public func isPassed(by complained: Int, of sent: Int) -> Bool {
        complained >= max(minimum, 1) && complained * 1_000 > permille * sent
    }

    /// `0.3 %`.
    public var description: String {
        permille % 10 == 0 ? "\(permille / 10) %" : "\(permille / 10).\(permille % 10) %"
    }
}
