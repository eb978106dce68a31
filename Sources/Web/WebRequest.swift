/// A request, as far as whoever answers it needs it.
package struct WebRequest {
    /// What is to be done.
    package enum Method: Hashable, Sendable {
        /// Show it.
        case get
        /// Tell what `get` would, without showing it.
        case head
        /// Act.
        case post
        /// Anything else.
        case other
    }

    /// What is to be done.
    package var method: Method
    /// The method as it was written.
    package var methodName: String
    /// The path as it was written, without query and fragment.
    package var path: ArraySlice<UInt8>
    /// What stands behind the first question mark.
    package var query: ArraySlice<UInt8>
    /// The header fields.
    package var headers: WebHeaders
    /// Which host the request is for, in lower case without port; empty where it says nothing.
    package var host: String
    /// Who asks.
    package var peer: WebAddress
    /// What came with the request; its length was limited.
    package var body: [UInt8]

    /// Collects a request.
    package init(
        _ method: Method,
        _ target: ArraySlice<UInt8>,
        methodName: String? = nil,
        headers: WebHeaders = WebHeaders([]),
        host: String? = nil,
        peer: WebAddress = .loopback,
        body: [UInt8] = []
    ) {
        self.method = method
        self.methodName = methodName ?? method.text
        let end = target.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? target.endIndex
        path = target[..<end]
        query = target[end...].dropFirst().prefix { $0 != UInt8(ascii: "#") }
        if end < target.endIndex, target[end] == UInt8(ascii: "#") { query = [] }
        self.headers = headers
        self.host = host ?? headers.host
        self.peer = peer
        self.body = body
    }

    /// Collects a request from texts, for tests and callers that are in no hurry.
    package init(
        _ method: Method,
        _ target: String,
        methodName: String? = nil,
        headers: [(name: String, value: String)] = [],
        peer: WebAddress = .loopback,
        body: String = ""
    ) {
        self.init(
            method,
            Array(target.utf8)[...],
            methodName: methodName,
            headers: WebHeaders(headers),
            peer: peer,
            body: Array(body.utf8)
        )
    }
}

extension WebRequest.Method {
    init(_ text: some Collection<UInt8>) {
        if text.elementsEqual("GET".utf8) {
            self = .get
        } else if text.elementsEqual("HEAD".utf8) {
            self = .head
        } else if text.elementsEqual("POST".utf8) {
            self = .post
        } else {
            self = .other
        }
    }

    var text: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .other: "OTHER"
        }
    }
}
