internal import NIOCore

/// Requests of HTTP/1.1 out of a connection's bytes, by the letter of RFC 9112 and no further.
///
/// What two parties might read differently is refused, since that is what request smuggling lives on: a lone CR or LF, a
/// folded line, a space before the colon, two lengths, a length beside a transfer encoding, any encoding but one `chunked`,
/// chunk extensions, trailers. A refusal ends the connection: nobody knows where the next request would begin.
struct RequestParser {
    enum Step {
        /// More bytes are needed.
        case incomplete
        /// A whole request, and whether the connection ends with its answer.
        case request(WebRequest, closes: Bool)
        /// What came is no request that we take; the status says why.
        case refused(Int)
    }

    private let limits: WebLimits
    private var bytes: [UInt8] = []
    /// Where the next request begins.
    private var start = 0
    /// How far the end of the head was looked for.
    private var scanned = 0
    /// Whether an empty line before the next request was passed over.
    private var hasSkipped = false
    /// The request whose body is awaited.
    private var head: Head?
    /// The last fields that were read: most clients send the same ones again.
    private var known: (block: [UInt8], version: Int, fields: FieldFacts)?

    /// A request line and fields.
    private struct Head {
        var method: WebRequest.Method
        var methodName: String
        var target: ArraySlice<UInt8>
        var host: String?
        var fields: FieldFacts
        /// Where the body begins.
        var end: Int
    }

    init(_ limits: WebLimits) {
        self.limits = limits
    }

    /// Whether nothing of a next request has come.
    var isEmpty: Bool { start == bytes.count && !hasSkipped }

    /// How much waits to be read.
    var count: Int { bytes.count - start }

    /// Whether the client waits for a word before it sends the body.
    var awaitsContinue: Bool {
        guard let head, head.fields.expectsContinue else { return false }
        return bytes.count == head.end
    }

    mutating func feed(_ view: ByteBufferView) {
        bytes.append(contentsOf: view)
    }

    /// The next request, as far as it has come.
    mutating func next(from peer: WebAddress) -> Step {
        if head == nil {
            // RFC 9112 section 2.2: some clients send an empty line behind a body.
            if !hasSkipped, count >= 2, bytes[start] == 13, bytes[start + 1] == 10 {
                hasSkipped = true
                start += 2
                scanned = max(scanned, start)
            }
            switch findHead() {
            case .failure(let refusal): return .refused(refusal.status)
            case .success(nil): return .incomplete
            case .success(let end?):
                switch readHead(to: end) {
                case .failure(let refusal): return .refused(refusal.status)
                case .success(let read): head = read
                }
            }
        }
        guard let head else { return .incomplete }
        var body: [UInt8] = []
        var end = head.end
        if head.fields.isChunked {
            switch ChunkedBody.read(bytes[head.end...], limit: limits.body) {
            case .incomplete: return .incomplete
            case .refused(let status): return .refused(status)
            case .whole(let content, let next): (body, end) = (content, next)
            }
        } else if head.fields.length > 0 {
            guard head.fields.length <= limits.body else { return .refused(413) }
            guard bytes.count - head.end >= head.fields.length else { return .incomplete }
            end = head.end + head.fields.length
            body = Array(bytes[head.end..<end])
        }
        let request = WebRequest(
            head.method,
            head.target,
            methodName: head.methodName,
            headers: head.fields.headers,
            host: head.host,
            peer: peer,
            body: body
        )
        self.head = nil
        consume(to: end)
        return .request(request, closes: head.fields.closes)
    }

    private mutating func consume(to end: Int) {
        if end == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= 4_096)
            start = 0
        } else if end > 8_192 {
            bytes.removeFirst(end)
            start = 0
        } else {
            start = end
        }
        scanned = start
        hasSkipped = false
    }

    // MARK: The head

    private struct Refusal: Error {
        let status: Int
        init(_ status: Int) { self.status = status }
    }

    /// Where the head ends, behind its empty line; `nil` if that has not come.
    private mutating func findHead() -> Result<Int?, Refusal> {
        // The three bytes before may be the beginning of the end.
        var index = max(start, scanned - 3)
        let end = bytes.count
        while index < end {
            let byte = bytes[index]
            if byte == 10 {
                guard index > start, bytes[index - 1] == 13 else { return .failure(Refusal(400)) }
                if index - start >= 3, bytes[index - 2] == 10 { return .success(index + 1) }
            } else if byte == 13 {
                if index + 1 < end, bytes[index + 1] != 10 { return .failure(Refusal(400)) }
            } else if byte == 0 {
                return .failure(Refusal(400))
            }
            index += 1
        }
        scanned = end
        if end - start > limits.head { return .failure(Refusal(431)) }
        return .success(nil)
    }

    private mutating func readHead(to end: Int) -> Result<Head, Refusal> {
        guard end - start <= limits.head else { return .failure(Refusal(431)) }
        guard let lineEnd = bytes[start..<end].firstIndex(of: 13) else { return .failure(Refusal(400)) }
        guard lineEnd - start <= limits.line else { return .failure(Refusal(414)) }
        let line = bytes[start..<lineEnd]
        guard let first = line.firstIndex(of: 32), let last = line.lastIndex(of: 32), first < last, first > start,
            first - start <= 20, line[..<first].allSatisfy(FieldFacts.isToken)
        else { return .failure(Refusal(400)) }
        let version: Int
        let protocolName = line[(last + 1)...]
        if protocolName.elementsEqual("HTTP/1.1".utf8) {
            version = 1
        } else if protocolName.elementsEqual("HTTP/1.0".utf8) {
            version = 0
        } else {
            return .failure(Refusal(protocolName.starts(with: "HTTP/".utf8) && protocolName.count == 8 ? 505 : 400))
        }
        let method = WebRequest.Method(line[..<first])
        var target = ArraySlice(Array(line[(first + 1)..<last]))
        guard !target.isEmpty, target.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return .failure(Refusal(400)) }
        let fields: FieldFacts
        switch readFields(bytes[(lineEnd + 2)..<end], version) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let read): fields = read
        }
        var host: String?
        if target.first != UInt8(ascii: "/"), method != .other {
            // RFC 9112 section 3.2.2: the absolute form, whose host counts.
            guard let authority = Self.takeAuthority(&target) else { return .failure(Refusal(400)) }
            host = WebHeaders.hostName(authority)
        }
        return .success(
            Head(
                method: method,
                methodName: method == .other ? String(decoding: line[..<first], as: UTF8.self) : method.text,
                target: target,
                host: host,
                fields: fields,
                end: end
            )
        )
    }

    private mutating func readFields(_ block: ArraySlice<UInt8>, _ version: Int) -> Result<FieldFacts, Refusal> {
        if let known, known.version == version, known.block.count == block.count, known.block.elementsEqual(block) {
            return .success(known.fields)
        }
        switch FieldFacts.read(block, version: version, limit: limits.fields) {
        case .refused(let status): return .failure(Refusal(status))
        case .read(let fields):
            if block.count <= 4_096 { known = (Array(block), version, fields) }
            return .success(fields)
        }
    }

    /// Cuts scheme and host off a target in absolute form; `nil` if it is none.
    private static func takeAuthority(_ target: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        for scheme in ["https://", "http://"] {
            let start = target.prefix(scheme.utf8.count)
            guard start.count == scheme.utf8.count, zip(start, scheme.utf8).allSatisfy({ lowercase($0) == $1 }) else {
                continue
            }
            let rest = target[start.endIndex...]
            let authority = rest.prefix {
                $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
            }
            guard FieldFacts.isHost(authority) else { return nil }
            target = rest[authority.endIndex...]
            if target.first != UInt8(ascii: "/") { target = [UInt8(ascii: "/")] + target }
            return authority
        }
        return nil
    }
}
