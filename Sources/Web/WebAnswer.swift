internal import NIOCore

/// An answer, made once and sent any number of times.
package final class WebAnswer: Sendable {
    /// The status code.
    package let status: Int
    /// The header fields, names in lower case; without those that belong to the connection.
    package let fields: [(name: String, value: String)]
    /// What is shown.
    package let body: [UInt8]
    /// The status line and the fields as HTTP/1.1 writes them, without the end.
    private let head: [UInt8]

    /// Collects an answer.
    package init(_ status: Int, _ fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
        var head: [UInt8] = []
        head.reserveCapacity(512)
        head.append(contentsOf: "HTTP/1.1 \(status) \(Self.reason(status))\r\n".utf8)
        for field in fields {
            head.append(contentsOf: field.name.utf8)
            head.append(contentsOf: ": ".utf8)
            head.append(contentsOf: field.value.utf8)
            head.append(contentsOf: "\r\n".utf8)
        }
        head.append(contentsOf: "content-length: \(body.count)\r\n".utf8)
        self.head = head
    }

    /// The first value of a field, by its name in lower case.
    package subscript(name: String) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// Writes the answer in HTTP/1.1's form.
    func write(to buffer: inout ByteBuffer, date: [UInt8], closes: Bool, isHead: Bool) {
        buffer.writeBytes(head)
        buffer.writeBytes(date)
        if closes { buffer.writeStaticString("connection: close\r\n") }
        buffer.writeStaticString("\r\n")
        if !isHead { buffer.writeBytes(body) }
    }

    /// An answer of one line to what is no request that anybody here knows.
    static func refusal(_ status: Int, _ more: [(name: String, value: String)] = []) -> WebAnswer {
        WebAnswer(
            status,
            [
                ("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store"),
                ("x-content-type-options", "nosniff"), ("content-security-policy", "default-src 'none'"),
                ("strict-transport-security", "max-age=31536000"), ("referrer-policy", "no-referrer"),
            ] + more,
            body: Array("\(reason(status).lowercased())\n".utf8)
        )
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 204: "No Content"
        case 302: "Found"
        case 303: "See Other"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Answer"
        }
    }
}
