import Core

/// The unsubscribe page and the preference page: request facts in, a page and what must be on record before it is shown out.
///
/// GET and HEAD show a page and change nothing, whoever fetches it. POST acts, without cookie, referrer or redirect: the mail
/// program's one click (RFC 8058), or a page's form.
struct OptOutDesk: Sendable {
    /// Which of the two.
    enum Page: Sendable {
        case unsubscribe, preferences
    }

    /// What a request says, besides its token.
    struct Request: Sendable {
        /// The body of a POST; `nil` for GET and HEAD.
        var body: [UInt8]?
        /// The query's `lang`.
        var asked: String?
        /// The field Accept-Language.
        var accepted: String?
    }

    /// What is answered.
    struct Answer: Sendable {
        /// The page, once all changes are on record.
        var page: String
        /// What must be on record.
        var changes: [PreferenceChange] = []
        /// How it was done, in one word.
        var why = ""
        /// The page if it could not be recorded.
        var failed = ""
    }

    let pages: Pages

    /// Answers a request with a good token.
    ///
    /// - Parameters:
    ///   - page: Which page.
    ///   - list: The token's list; empty for all mail.
    ///   - language: The token's language.
    ///   - token: The token as it stands in the path.
    ///   - request: What else the request says.
    func answer(_ page: Page, list: String, language: String, token: String, _ request: Request) -> Answer {
        let text = PageText.of(.chosen(asked: request.asked, message: language, accepted: request.accepted))
        // The page's own choice of language goes with its links; relative, so that no host name is needed.
        let query = request.asked.flatMap { PageLanguage(tag: $0) }.map { "?lang=\($0.rawValue)" } ?? ""
        let preferences = "../p/\(token)\(query)"
        guard let body = request.body else {
            switch page {
            case .unsubscribe: return Answer(page: pages.ask(list: list, preferences: preferences, text))
            case .preferences: return Answer(page: pages.preferences(list: list, text))
            }
        }
        var answer: Answer
        switch page {
        case .unsubscribe:
            // Whoever posts to the token wants out, whatever the form says: the body only tells how it was done.
            answer = Answer(page: pages.done(list: list, preferences: preferences, text))
            answer.changes = [PreferenceChange(scope: SuppressionScope(list: list), choice: .stop)]
            answer.why = Self.way(body)
        case .preferences:
            let changes = pages.changes(list: list, FormFields(body))
            answer = Answer(page: pages.saved(changes, text), changes: changes, why: "preferences")
        }
        answer.failed = pages.failed(text)
        return answer
    }

    /// How somebody unsubscribed: by the mail program's button (RFC 8058), by our page's, or otherwise.
    private static func way(_ body: [UInt8]) -> String {
        let text = String(decoding: body, as: UTF8.self)
        let isMultipart = text.contains("name=\"List-Unsubscribe\"") && text.contains("One-Click")
        let fields = FormFields(body)
        if isMultipart || fields["List-Unsubscribe"] == "One-Click" { return "one-click" }
        return fields["confirm"] == "yes" ? "form" : "post"
    }
}

extension Event {
    /// Fills in what a recipient wants.
    mutating func apply(_ change: PreferenceChange, tag: AddressTag) {
        self.tag = tag
        switch change.scope {
        case .all: list = ""
        case .marketing: scope = "marketing"
        case .list(let name): list = name
        }
    }
}

extension PreferenceChange {
    /// The kind of event that records it.
    var kind: Event.Kind {
        choice == .again ? .resubscribe : .unsubscribe
    }
}
