internal import Web

/// `/u/TOKEN`: the page with the button, and what the button does.
struct UnsubscribeHandler: PathHandler {
    let seal: TokenSeal
    let visits: Visits
    let pages: Pages

    var takesPost: Bool { true }

    func reply(to request: WebRequest, _ rest: ArraySlice<UInt8>) -> Reply {
        guard let content = seal.open(.unsubscribe, rest), case .unsubscribe(let list, let tag) = content.action else {
            return .unknown
        }
        let text = PageText.preferred(request.headers["accept-language"])
        guard request.method == .post else { return .answer(.page(200, pages.ask(list: list, text))) }
        var event = visits.event(.unsubscribe, content, request)
        event.list = list
        event.tag = tag
        // Whoever posts to the token wants out, whatever the form says: the body only tells how it was done.
        event.audience = .human
        event.why = Self.way(String(decoding: request.body, as: UTF8.self))
        // An opt-out that is not known to last is not claimed: mail programs and people try again.
        return .record(
            [event],
            done: .page(200, pages.done(list: list, text)),
            failed: .page(503, pages.failed(text))
        )
    }

    /// How somebody unsubscribed: by the mail program's button (RFC 8058), by our page's, or otherwise.
    private static func way(_ body: String) -> String {
        let isMultipart = body.contains("name=\"List-Unsubscribe\"") && body.contains("One-Click")
        if isMultipart || body.split(separator: "&").contains("List-Unsubscribe=One-Click") { return "one-click" }
        return body.split(separator: "&").contains("confirm=yes") ? "form" : "post"
    }
}
