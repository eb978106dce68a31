/// A form of values, as JSON Schema says it.
struct Schema: Sendable {
    /// The members of the schema.
    var members: [(String, JSONValue)]

    /// The schema as a value.
    var json: JSONValue { .members(members) }

    /// The same with words for people.
    func about(_ text: String) -> Schema {
        Schema(members: members + [("description", .text(text))])
    }

    /// The same, or null.
    var orNull: Schema {
        var schema = self
        guard let index = schema.members.firstIndex(where: { $0.0 == "type" }) else { return schema }
        schema.members[index].1 = .list([schema.members[index].1, .text("null")])
        if let words = schema.members.firstIndex(where: { $0.0 == "enum" }),
            case .list(let list) = schema.members[words].1
        {
            schema.members[words].1 = .list(list + [.null])
        }
        return schema
    }

    static func string(
        format: String? = nil,
        pattern: String? = nil,
        longest: Int? = nil,
        shortest: Int? = nil
    ) -> Schema {
        var members: [(String, JSONValue)] = [("type", .text("string"))]
        if let format { members.append(("format", .text(format))) }
        if let pattern { members.append(("pattern", .text(pattern))) }
        if let shortest { members.append(("minLength", .int(shortest))) }
        if let longest { members.append(("maxLength", .int(longest))) }
        return Schema(members: members)
    }

    static func word(_ words: [String]) -> Schema {
        Schema(members: [("type", .text("string")), ("enum", .list(words.map { .text($0) }))])
    }

    static func integer(_ range: ClosedRange<Int>) -> Schema {
        Schema(members: [
            ("type", .text("integer")), ("minimum", .int(range.lowerBound)), ("maximum", .int(range.upperBound)),
        ])
    }

    static let count = Schema(members: [("type", .text("integer")), ("minimum", .int(0))])
    static let time = string(format: "date-time")

    static let counts = Schema(members: [("type", .text("object")), ("additionalProperties", count.json)])

    static func list(of schema: Schema, shortest: Int? = nil, longest: Int? = nil) -> Schema {
        var members: [(String, JSONValue)] = [("type", .text("array")), ("items", schema.json)]
        if let shortest { members.append(("minItems", .int(shortest))) }
        if let longest { members.append(("maxItems", .int(longest))) }
        return Schema(members: members)
    }

    static func object(_ properties: [(String, Schema)]) -> Schema {
        Schema(members: [
            ("type", .text("object")),
            ("properties", .members(properties.map { ($0.0, $0.1.json) })),
            ("required", .list(properties.map { .text($0.0) })),
            ("additionalProperties", .bool(false)),
        ])
    }

    static func reference(_ name: String) -> Schema {
        Schema(members: [("$ref", .text("#/components/schemas/\(name)"))])
    }
}
