public import Core
import OpenSSL
public import Reports
import Synchronization

/// Answers requests: pure but for the index and the keys, and slow where the index is.
public final class APIHandler: Sendable {
    /// Where the document is; it needs no key, since it tells nothing of the site.
    static let documentPath = "/openapi.json"

    private let index: ReportIndex
    private let keys: @Sendable () -> APIKeys
    private let clock: @Sendable () -> Timestamp
    private let operations: [Operation]
    private let document: [UInt8]
    private let documentTag: String
    /// For how long the index is taken as it is.
    private let freshness: Duration
    private let updated: Mutex<ContinuousClock.Instant?> = Mutex(nil)
    private let onTrouble: @Sendable (String) -> Void

    /// Prepares to answer.
    ///
    /// - Parameters:
    ///   - index: What is asked.
    ///   - version: The program's version, for the document.
    ///   - freshness: How old the index may be when it is asked.
    ///   - clock: The time, for keys that end.
    ///   - keys: The keys as they are now.
    ///   - onTrouble: Told what keeps the index from answering; never a value of a request.
    public init(
        index: ReportIndex,
        version: String,
        freshness: Duration = .seconds(5),
        clock: @escaping @Sendable () -> Timestamp = { .now },
        keys: @escaping @Sendable () -> APIKeys,
        onTrouble: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.index = index
        self.keys = keys
        self.clock = clock
        self.freshness = freshness
        self.onTrouble = onTrouble
        operations = Operation.all
        document = OpenAPI.document(Operation.all, version: version).bytes
        documentTag = "\"\(Hex.encode(SHA256.hash(document).prefix(16)))\""
    }

    /// Answers a request; waits for the disk.
    package func answer(_ request: APIRequest) -> APIAnswer {
        do throws(APIProblem) {
            return try respond(to: request)
        } catch {
            return error.answer
        }
    }

    private func respond(to request: APIRequest) throws(APIProblem) -> APIAnswer {
        let isDocument = request.path == Self.documentPath
        let found = operations.lazy.compactMap { operation in operation.match(request.path).map { (operation, $0) } }
            .first
        guard isDocument || found != nil else { throw .notFound }
        guard request.method == "GET" || request.method == "HEAD" else { throw .notAllowed }
        guard let (operation, path) = found else { return openAPI(request) }
        guard let key = key(request.authorization) else { throw .noKey }
        guard key.scopes.contains(operation.scope) else { throw .scope(operation.scope) }
        let question = try Question(operation, path: path, query: request.query, accept: request.accept, key: key)
        let listing = try find(operation, question)
        var fields: [(name: String, value: String)] = [("vary", "Accept, Authorization")]
        if let next = listing.next {
            fields.append(("link", "<\(request.path)?\(Question.next(request.query, after: next))>; rel=\"next\""))
        }
        if question.isCSV {
            if operation.isSingle, listing.entries.isEmpty { throw .noJob }
            fields.append(("content-disposition", "attachment; filename=\"\(operation.id).csv\""))
            return APIAnswer(200, type: "text/csv; charset=utf-8", fields, body: operation.csv(listing))
        }
        guard let json = operation.json(listing) else { throw .noJob }
        return APIAnswer(200, type: "application/json", fields, body: json.bytes)
    }

    private func openAPI(_ request: APIRequest) -> APIAnswer {
        let fields = [(name: "etag", value: documentTag)]
        if request.ifNoneMatch == documentTag { return APIAnswer(304, fields, cache: "no-cache") }
        return APIAnswer(200, type: "application/json", fields, cache: "no-cache", body: document)
    }

    private func key(_ authorization: String?) -> APIKey? {
        guard let authorization else { return nil }
        let words = authorization.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return keys().key(of: words[1], at: clock())
    }

    private func find(_ operation: Operation, _ question: Question) throws(APIProblem) -> Operation.Listing {
        if question.isEmpty { return Operation.Listing(entries: [], next: nil) }
        do {
            try refresh()
            return try operation.find(question, index)
        } catch let error as ReportError where error.code == .question {
            throw .noPage
        } catch {
            onTrouble("\(error)")
            throw .busy
        }
    }

    /// Takes in what is new in the files; one request does, and others go on with what is there.
    private func refresh() throws {
        let now = ContinuousClock.now
        let isDue = updated.withLock { updated in
            if let last = updated, now - last < freshness { return false }
            updated = now
            return true
        }
        guard isDue else { return }
        for problem in try index.update().problems { onTrouble(problem) }
    }
}
