internal import Web

/// `/c/TOKEN`: the way to a link of the message, and to nothing else.
struct ClickHandler: PathHandler {
    let seal: TokenSeal
    let visits: Visits

    var takesPost: Bool { false }

    func reply(to request: WebRequest, _ rest: ArraySlice<UInt8>) -> Reply {
        guard let content = seal.open(.click, rest), case .click(let link, let target) = content.action else {
            return .unknown
        }
        var event = visits.event(.click, content, request)
        event.link = link
        let redirect = WebAnswer.redirect(to: target)
        return .record([event], done: redirect, failed: redirect)
    }
}
