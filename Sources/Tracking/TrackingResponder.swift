internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Answers the tracking server's requests.
///
/// Four kinds of path, matched by hand: what is not exactly one of ours gets the same 404, so that nothing can be learnt
/// by trying.
struct TrackingResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    /// RFC 8058's body has 26 bytes; a browser's form little more.
    static let maximumBody = 4_096

    let path: String
    let seal: TokenSeal
    let log: EventLog
    let classifier: Classifier
    let pages: Pages
    let clock: @Sendable () -> Int64

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        let response = await answer(request)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request) async -> Response {
        let target = request.uri.path.utf8.prefix { $0 != UInt8(ascii: "#") }
        guard target.count <= TokenSeal.maximumLength + path.utf8.count + 8, target.starts(with: path.utf8) else {
            return unknown(request)
        }
        let rest = target.dropFirst(path.utf8.count)
        if rest.elementsEqual("/healthz".utf8) { return reads(request) ? await health() : refused("GET, HEAD") }
        if rest.starts(with: "/o/".utf8), rest.suffix(4).elementsEqual(".gif".utf8) {
            guard reads(request) else { return refused("GET, HEAD") }
            return await open(request, Array(rest.dropFirst(3).dropLast(4)))
        }
        if rest.starts(with: "/c/".utf8) {
            guard reads(request) else { return refused("GET, HEAD") }
            return await click(request, Array(rest.dropFirst(3)))
        }
        if rest.starts(with: "/u/".utf8) {
            guard reads(request) || request.method == .post else { return refused("GET, HEAD, POST") }
            return await unsubscribe(request, Array(rest.dropFirst(3)))
        }
        return unknown(request)
    }

    private func open(_ request: Request, _ token: [UInt8]) async -> Response {
        guard let content = seal.open(.open, token) else { return unknown(request) }
        await record(event(.open, content, request))
        return .pixel
    }

    private func click(_ request: Request, _ token: [UInt8]) async -> Response {
        guard let content = seal.open(.click, token), case .click(let link, let target) = content.action else {
            return unknown(request)
        }
        var event = event(.click, content, request)
        event.link = link
        await record(event)
        return .redirect(to: target)
    }

    private func unsubscribe(_ request: Request, _ token: [UInt8]) async -> Response {
        guard let content = seal.open(.unsubscribe, token), case .unsubscribe(let list, let tag) = content.action else {
            return unknown(request)
        }
        let text = language(request)
        guard request.method == .post else { return .page(.ok, pages.ask(list: list, text)) }
        guard let body = try? await request.body.collect(upTo: Self.maximumBody) else {
            return .page(.contentTooLarge, pages.failed(text))
        }
        var event = event(.unsubscribe, content, request)
        event.list = list
        event.tag = tag
        // Whoever posts to the token wants out, whatever the form says: the body only tells how it was done.
        event.audience = .human
        event.why = Self.way(String(buffer: body))
        do {
            try await log.append(event)
        } catch {
            return .page(.serviceUnavailable, pages.failed(text))
        }
        return .page(.ok, pages.done(list: list, text))
    }

    private func health() async -> Response {
        await log.recover()
        let isWell = log.isHealthy
        return .text(isWell ? .ok : .serviceUnavailable, isWell ? "ok\n" : "events not recorded: \(log.faults)\n")
    }

    /// Records an event if that can be done.
    ///
    /// The log counts what it could not keep; the reader is not told.
    private func record(_ event: Event) async {
        try? await log.append(event)
    }

    private func event(_ kind: Event.Kind, _ content: TokenContent, _ request: Request) -> Event {
        let headers = request.headers
        let agent = headers[.userAgent] ?? ""
        let facts = RequestFacts(method: request.method.rawValue, agent: agent) { name in
            HTTPField.Name(name).flatMap { headers[$0] }
        }
        let (audience, why) = classifier.classify(facts)
        return Event(
            kind,
            job: content.job,
            row: content.row,
            milliseconds: clock(),
            audience: audience,
            why: why,
            method: request.method.rawValue,
            agent: agent
        )
    }

    /// How somebody unsubscribed: by the mail program's button (RFC 8058), by our page's, or otherwise.
    private static func way(_ body: String) -> String {
        let isMultipart = body.contains("name=\"List-Unsubscribe\"") && body.contains("One-Click")
        if isMultipart || body.split(separator: "&").contains("List-Unsubscribe=One-Click") { return "one-click" }
        return body.split(separator: "&").contains("confirm=yes") ? "form" : "post"
    }

    private func reads(_ request: Request) -> Bool {
        request.method == .get || request.method == .head
    }

    private func language(_ request: Request) -> PageText {
        PageText.preferred(request.headers[.acceptLanguage])
    }

    private func unknown(_ request: Request) -> Response {
        .page(.notFound, pages.unknown(language(request)))
    }

    private func refused(_ allowed: String) -> Response {
        var response = Response.text(.methodNotAllowed, "method not allowed\n")
        response.headers[.allow] = allowed
        return response
    }
}
