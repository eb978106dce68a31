/// A value that must not be shown: a cell, an address, a password.
///
/// It prints as `<redacted>` wherever it is printed.
///
/// String interpolation, `print`, `dump`, `debugPrint`, a log's metadata and a failed expectation all go through the
/// descriptions and the mirror below; the only way to the value is ``exposed``, which is easy to search for.
public struct Protected<Value>: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: Value

    /// Protects a value.
    public init(_ value: Value) {
        self.value = value
    }

    /// The value, for the one place that needs it.
    public var exposed: Value {
        value
    }

    /// Always `<redacted>`.
    public var description: String {
        "<redacted>"
    }

    /// Always `<redacted>`.
    public var debugDescription: String {
        "<redacted>"
    }

    /// A mirror without children, so that `dump` finds nothing.
    public var customMirror: Mirror {
        Mirror(self, children: EmptyCollection<Mirror.Child>())
    }
}

extension Protected: Sendable where Value: Sendable {}
extension Protected: Equatable where Value: Equatable {}
extension Protected: Hashable where Value: Hashable {}
