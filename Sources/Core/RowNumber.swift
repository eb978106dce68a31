/// A recipient row's number: 1 is the first row below the header.
///
/// With the key, it is the row's identity.
public struct RowNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself, from 1.
    public let value: UInt32

    /// Wraps a row number, counted from 1.
    public init(_ value: UInt32) {
        self.value = value
    }

    /// Orders rows as they stand in the file.
    public static func < (left: RowNumber, right: RowNumber) -> Bool {
        left.value < right.value
    }

    /// The number in digits.
    public var description: String {
        String(value)
    }
}
