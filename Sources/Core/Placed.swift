/// A value and where it was written, so that a check made much later can still point at it.
public struct Placed<Value> {
    /// The value.
    public var value: Value
    /// Where it stands; for text, its first character, behind an opening quote.
    public var place: Place

    /// Joins a value and its place.
    public init(_ value: Value, at place: Place) {
        self.value = value
        self.place = place
    }

    /// The same place with another value.
    public func map<Other, Failure: Error>(_ change: (Value) throws(Failure) -> Other) throws(Failure) -> Placed<Other>
    {
        Placed<Other>(try change(value), at: place)
    }
}

extension Placed: Sendable where Value: Sendable {}
extension Placed: Equatable where Value: Equatable {}
extension Placed: Hashable where Value: Hashable {}
