import Testing

/// `#expect(left == right)` for expressions that change something, which the macro cannot take apart.
func same<Value: Equatable>(_ left: Value, _ right: Value, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(left == right, sourceLocation: sourceLocation)
}
