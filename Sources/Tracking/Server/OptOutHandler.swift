internal import Web

/// `/u/TOKEN` and `/p/TOKEN`: the pages on which recipients say what mail they want, and what their buttons do.
struct OptOutHandler: PathHandler {
    let page: OptOutDesk.Page
    let seal: TokenSeal
    let visits: Visits
    let pages: Pages

    var takesPost: Bool { true }

    func reply(to request: WebRequest, _ rest: ArraySlice<UInt8>) -> Reply {
        guard let content = seal.open(.unsubscribe, rest), case .unsubscribe(let list, let tag) = content.action else {
            return .unknown
        }
        let facts = OptOutDesk.Request(
            body: request.method == .post ? request.body : nil,
            asked: FormFields(request.query)["lang"],
            accepted: request.headers["accept-language"]
        )
        let answer = OptOutDesk(pages: pages).answer(
            page,
            list: list,
            language: content.language,
            token: String(decoding: rest, as: UTF8.self),
            facts
        )
        let done = WebAnswer.page(200, answer.page)
        guard !answer.changes.isEmpty else { return .answer(done) }
        let events = answer.changes.map { change in
            var event = visits.event(change.kind, content, request)
            event.apply(change, tag: tag)
            event.audience = .human
            event.why = answer.why
            return event
        }
        // An opt-out that is not known to last is not claimed: mail programs and people try again.
        return .record(events, done: done, failed: .page(503, answer.failed))
    }
}
