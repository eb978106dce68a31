/// The document that says what can be asked (OpenAPI 3.1), made of the same declarations that answer.
enum OpenAPI {
    static func document(_ operations: [Operation], version: String) -> JSONValue {
        .members([
            ("openapi", .text("3.1.0")),
            (
                "info",
                .members([
                    ("title", .text("Wardpost")),
                    ("version", .text(version)),
                    ("description", .text(about)),
                ])
            ),
            ("servers", .list([.members([("url", .text("/"))])])),
            ("security", .list([.members([("key", .list([]))])])),
            ("tags", .list(tags)),
            ("paths", .members(operations.map { ($0.path, .members([("get", operation($0))])) })),
            (
                "components",
                .members([
                    ("securitySchemes", .members([("key", key)])),
                    ("schemas", .members(schemas(operations))),
                    ("responses", .members(problems.map { ($0.name, problem($0)) })),
                ])
            ),
        ])
    }

    private static let about = """
        Read-only questions across a site's jobs: time, sender, domain, job, list, row key, event kind, link and class. Answers are \
        made of an index of the site's own ledgers and events. No recipient's address and no row's key is ever told. Each key has \
        scopes, and a key without a question's scope is refused.
        """

    private static let key = JSONValue.members([
        ("type", .text("http")), ("scheme", .text("bearer")),
        ("description", .text("A key made by `wardpost keys api add NAME --scope SCOPE`.")),
    ])

    private static var tags: [JSONValue] {
        APIScope.allCases.map { .members([("name", .text($0.rawValue)), ("description", .text($0.about))]) }
    }

    // MARK: - Questions

    private static func operation(_ operation: Operation) -> JSONValue {
        .members([
            ("operationId", .text(operation.id)),
            ("summary", .text(operation.summary)),
            ("description", .text(operation.about + " Scope: `\(operation.scope.rawValue)`.")),
            ("tags", .list([.text(operation.scope.rawValue)])),
            ("parameters", .list(operation.parameters.map(\.json))),
            ("responses", .members([("200", answer(operation))] + refusals(operation))),
        ])
    }

    private static func refusals(_ operation: Operation) -> [(String, JSONValue)] {
        problems.filter {
            $0.status != 404 || operation.isSingle || operation.parameters.contains { $0.name == "after" }
        }
        .map { ("\($0.status)", .members([("$ref", .text("#/components/responses/\($0.name)"))])) }
    }

    private static func answer(_ operation: Operation) -> JSONValue {
        let name = operation.isSingle ? operation.shape.name : operation.shape.name + "List"
        let csv = Schema.string().about("UTF-8 with a byte-order mark, CRLF, no cell that a spreadsheet would run.")
        var headers = [("Cache-Control", header("Nothing may be kept.", required: true))]
        if operation.parameters.contains(where: { $0.name == "after" }) {
            headers.append(
                ("Link", header("Where the next page is, if there is one: `<…>; rel=\"next\"`.", required: false))
            )
        }
        return .members([
            ("description", .text(operation.summary + ".")),
            ("headers", .members(headers)),
            (
                "content",
                .members([
                    ("application/json", .members([("schema", Schema.reference(name).json)])),
                    ("text/csv", .members([("schema", csv.json)])),
                ])
            ),
        ])
    }

    private static func header(_ about: String, required: Bool) -> JSONValue {
        .members([
            ("description", .text(about)), ("required", .bool(required)), ("schema", Schema.string().json),
        ])
    }

    private static func schemas(_ operations: [Operation]) -> [(String, JSONValue)] {
        var schemas: [(String, JSONValue)] = []
        for operation in operations {
            let entry = operation.shape.name
            if !schemas.contains(where: { $0.0 == entry }) { schemas.append((entry, operation.shape.schema.json)) }
            guard !operation.isSingle else { continue }
            let list = Schema.object([
                ("entries", .list(of: .reference(entry))),
                (
                    "next",
                    Schema.string().orNull.about("What to ask the next page with, as `after`; null for the last.")
                ),
            ])
            schemas.append((entry + "List", list.json))
        }
        return schemas + [("Problem", problemSchema.json)]
    }

    // MARK: - Problems

    private struct Problem {
        var status: Int
        var name: String
        var about: String
    }

    private static let problems = [
        Problem(status: 401, name: "NoKey", about: "There is no key, or it is not good."),
        Problem(status: 403, name: "NoScope", about: "The key has not the scope."),
        Problem(status: 404, name: "NotFound", about: "There is no such job or page."),
        Problem(
            status: 422,
            name: "NotUnderstood",
            about: "A parameter is unknown, given twice or not what it may be."
        ),
        Problem(status: 429, name: "TooMany", about: "Too many requests from this address."),
        Problem(status: 503, name: "NotNow", about: "The index cannot be read now."),
    ]

    private static func problem(_ problem: Problem) -> JSONValue {
        let content: [(String, JSONValue)] =
            problem.status == 429
            ? [("text/plain", .members([("schema", Schema.string().json)]))]
            : [("application/problem+json", .members([("schema", Schema.reference("Problem").json)]))]
        return .members([("description", .text(problem.about)), ("content", .members(content))])
    }

    private static var problemSchema: Schema {
        let parameter = Schema.object([("name", .string()), ("problem", .string())])
        var schema = Schema.object([
            ("type", .string()), ("title", .string()), ("status", .integer(400...599)), ("detail", .string()),
            ("parameters", .list(of: parameter)),
        ])
        guard let required = schema.members.firstIndex(where: { $0.0 == "required" }) else { return schema }
        schema.members[required].1 = .list(["type", "title", "status", "detail"].map { .text($0) })
        return schema
    }
}
