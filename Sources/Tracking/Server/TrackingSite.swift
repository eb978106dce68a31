internal import Web

/// What the tracking server answers, whatever event loop asks: paths in, replies out.
///
/// What is not exactly one of our paths gets the same 404, so that nothing can be learnt by trying.
struct TrackingSite: Sendable {
    /// What stands before the paths, by the host's name; the first for hosts that are none of ours.
    private let bases: [(host: String, path: [UInt8])]
    private let handlers: [UInt8: any PathHandler]
    private let health: HealthHandler
    private let pages: Pages

    /// Takes a handler for each letter.
    init(
        bases: [BaseURL],
        handlers: [Character: any PathHandler],
        health: HealthHandler,
        pages: Pages
    ) {
        self.bases = bases.map { ($0.host, Array($0.path.utf8)) }
        self.handlers = Dictionary(
            handlers.compactMap { letter, handler in letter.asciiValue.map { ($0, handler) } },
            uniquingKeysWith: { first, _ in first }
        )
        self.health = health
        self.pages = pages
    }

    /// The reply to a request.
    func reply(to request: WebRequest) -> Reply {
        let reply = found(request)
        guard case .unknown = reply else { return reply }
        return .answer(.page(404, pages.unknown(PageText.preferred(request.headers["accept-language"]))))
    }

    private func found(_ request: WebRequest) -> Reply {
        let base = base(request)
        guard request.path.count > base.count + 1, request.path.starts(with: base) else { return .unknown }
        let path = request.path.dropFirst(base.count)
        let start = path.startIndex
        guard path.count >= 3, path[start] == UInt8(ascii: "/"), path[start + 2] == UInt8(ascii: "/"),
            let handler = handlers[path[start + 1]]
        else {
            guard path.elementsEqual("/healthz".utf8) else { return .unknown }
            return Self.reads(request) ? health.reply() : .answer(.refused(allowed: "GET, HEAD"))
        }
        guard Self.reads(request) || request.method == .post && handler.takesPost else {
            return .answer(.refused(allowed: handler.takesPost ? "GET, HEAD, POST" : "GET, HEAD"))
        }
        return handler.reply(to: request, path.dropFirst(3))
    }

    private func base(_ request: WebRequest) -> [UInt8] {
        if bases.count > 1, let found = bases.first(where: { $0.host == request.host }) { return found.path }
        return bases.first?.path ?? []
    }

    private static func reads(_ request: WebRequest) -> Bool {
        request.method == .get || request.method == .head
    }
}
