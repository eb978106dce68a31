/// What is asked of the API, whichever server it came through.
package struct APIRequest: Sendable {
    /// The method as it was written.
    package var method: String
    /// The path, without query; not decoded.
    package var path: String
    /// What stands behind the question mark; not decoded.
    package var query: String
    /// The `Authorization` field.
    package var authorization: String?
    /// The `Accept` field.
    package var accept: String?
    /// The `If-None-Match` field.
    package var ifNoneMatch: String?

    /// Collects a request.
    package init(
        _ method: String,
        _ path: String,
        query: String = "",
        authorization: String? = nil,
        accept: String? = nil,
        ifNoneMatch: String? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.authorization = authorization
        self.accept = accept
        self.ifNoneMatch = ifNoneMatch
    }
}

/// What the API answers.
package struct APIAnswer: Sendable {
    /// The status code.
    package var status: Int
    /// Header fields, names in lower case.
    package var fields: [(name: String, value: String)]
    /// What is shown.
    package var body: [UInt8]

    /// What every answer says: keep nothing, guess no types, run nothing.
    private static let common: [(name: String, value: String)] = [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"), ("strict-transport-security", "max-age=31536000"),
    ]

    init(
        _ status: Int,
        type: String? = nil,
        _ fields: [(name: String, value: String)] = [],
        cache: String = "no-store",
        body: [UInt8] = []
    ) {
        self.status = status
        self.body = body
        self.fields = (type.map { [("content-type", $0)] } ?? []) + [("cache-control", cache)] + fields + Self.common
    }

    /// The first value of a field.
    package subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
}

/// Why a request is not answered as it wishes, as `application/problem+json` (RFC 9457).
struct APIProblem: Error {
    var status: Int
    var title: String
    /// What to do about it; never a value of the request's.
    var detail: String
    /// The parameters that are to blame.
    var parameters: [(name: String, problem: String)] = []
    var fields: [(name: String, value: String)] = []

    var answer: APIAnswer {
        var members: [(String, JSONValue)] = [
            ("type", .text("about:blank")), ("title", .text(title)), ("status", .int(status)),
            ("detail", .text(detail)),
        ]
        if !parameters.isEmpty {
            members.append(
                (
                    "parameters",
                    .list(parameters.map { .members([("name", .text($0.name)), ("problem", .text($0.problem))]) })
                )
            )
        }
        return APIAnswer(
            status,
            type: "application/problem+json",
            fields,
            body: JSONValue.members(members).bytes
        )
    }

    static let noKey = APIProblem(
        status: 401,
        title: "A key is needed",
        detail: "Send the header field `Authorization: Bearer KEY` with a key of this site that is good today.",
        fields: [("www-authenticate", "Bearer realm=\"wardpost\"")]
    )
    static let notFound = APIProblem(
        status: 404,
        title: "There is nothing here",
        detail: "/openapi.json says what can be asked."
    )
    static let noPage = APIProblem(
        status: 404,
        title: "There is no such page",
        detail: "Take `after` from the `next` of the page before, or leave it out for the first."
    )
    static let noJob = APIProblem(status: 404, title: "There is no such job", detail: "/v1/jobs lists the jobs.")
    static let notAllowed = APIProblem(
        status: 405,
        title: "Nothing can be changed here",
        detail: "The API is read-only; use GET.",
        fields: [("allow", "GET, HEAD")]
    )
    static let busy = APIProblem(
        status: 503,
        title: "Not now",
        detail: "The index cannot be read now; try again in a while.",
        fields: [("retry-after", "5")]
    )

    static func scope(_ scope: APIScope) -> APIProblem {
        APIProblem(
            status: 403,
            title: "The key may not ask this",
            detail: "It has not the scope `\(scope.rawValue)`.",
            fields: [
                (
                    "www-authenticate",
                    "Bearer realm=\"wardpost\", error=\"insufficient_scope\", scope=\"\(scope.rawValue)\""
                )
            ]
        )
    }

    static func parameters(_ problems: [(name: String, problem: String)]) -> APIProblem {
        APIProblem(
            status: 422,
            title: "The question is not understood",
            detail: "See `parameters`, and /openapi.json for what each may be.",
            parameters: problems
        )
    }
}
