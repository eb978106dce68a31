internal import Core
public import OpenSSL
internal import Web

/// What a tracking host must know to take subscriptions.
public struct SubscribeOptions: Sendable {
    /// The lists that have a form.
    public var lists: [String]
    /// What sealed addresses can be read with by the site alone.
    public var key: SealingPublicKey
    /// Whether a text has the form of an address.
    public var isAddress: @Sendable (String) -> Bool
    /// How many forms one network address may send in an hour.
    public var perVisitor = 20
    /// How many forms are taken in an hour in all.
    public var perHour = 200

    /// Collects what must be known.
    public init(
        lists: [String],
        key: SealingPublicKey,
        isAddress: @escaping @Sendable (String) -> Bool
    ) {
        self.lists = lists
        self.key = key
        self.isAddress = isAddress
    }
}

/// What a page's handler needs of a request.
struct PageRequest: Sendable {
    /// Whether the form was sent, not only asked for.
    var isPost = false
    /// What stands behind `?` in the address.
    var query: [UInt8] = []
    /// `Accept-Language`.
    var languages: String?
    /// The form's fields; empty for GET.
    var body: [UInt8] = []
    /// What the requesting program calls itself.
    var agent = ""
    /// The network address that it comes from: 4 or 16 bytes.
    var visitor: [UInt8] = []
    var milliseconds: Int64
}

/// What a page's handler answers: a page, or one that is only shown once an event is on the disk.
struct PageAnswer: Sendable {
    var status: Int
    var html: String
    /// What must be on the disk before the page is shown.
    var event: Event?
    /// The page, with 503, if the event cannot be recorded.
    var failure = ""
}

/// Answers a list's form, `/s/LIST`, and the link of a confirmation message, `/y/TOKEN`.
///
/// Knows no address: the form's answer rests on the address's form alone, so that it is the same, to the byte and in time,
/// whoever is subscribed. A GET changes nothing.
struct SubscribeHandler: Sendable {
    private let options: SubscribeOptions
    private let pages: SubscribePages
    private let seal: TokenSeal
    private let rates: VisitorRates

    init(_ options: SubscribeOptions, pages: Pages, seal: TokenSeal) {
        self.options = options
        self.pages = SubscribePages(pages: pages)
        self.seal = seal
        rates = VisitorRates(perVisitor: options.perVisitor, inAll: options.perHour)
    }

    /// Answers a list's form; `nil` if there is no such list.
    func form(_ list: [UInt8], _ request: PageRequest) -> PageAnswer? {
        guard let list = options.lists.first(where: { $0.utf8.elementsEqual(list) }) else { return nil }
        let text = text(request)
        let title = title(of: list, text)
        guard request.isPost else { return PageAnswer(status: 200, html: pages.form(title, text)) }
        let fields = FormFields(request.body)
        let typed = Self.trimmed(fields["email"] ?? "")
        guard typed.utf8.count <= SubscriptionWish.longestAddress, options.isAddress(typed) else {
            let shown = typed.utf8.count <= 4 * SubscriptionWish.longestAddress ? typed : ""
            return PageAnswer(status: 422, html: pages.form(title, typed: shown, text))
        }
        // Before anything that depends on the address: whoever sends too many learns only that.
        guard rates.admits(request.visitor) else { return PageAnswer(status: 429, html: pages.tooMany(text)) }
        let wish = SubscriptionWish(address: Protected(typed), language: text.language.rawValue)
        guard let sealed = wish.sealed(for: list, options.key) else {
            return PageAnswer(status: 422, html: pages.form(title, typed: "", text))
        }
        var answer = PageAnswer(status: 200, html: pages.taken(text), failure: pages.failed(text))
        // A field that people do not see: a program that fills it in hears nothing else than they do.
        if fields["website"]?.isEmpty ?? true {
            answer.event = event(.subscribe, list, sealed, request)
        }
        return answer
    }

    /// Answers the link of a confirmation message; `nil` if the token is none of ours.
    func confirmation(_ token: [UInt8], _ request: PageRequest) -> PageAnswer? {
        guard let content = ConfirmationToken(token, seal) else { return nil }
        let text = text(request)
        let title = title(of: content.list, text)
        guard request.milliseconds / 1_000 <= content.expires.seconds else {
            // Seen from /y/TOKEN.
            let form = "../s/\(content.list)?lang=\(text.language.rawValue)"
            return PageAnswer(status: 410, html: pages.expired(title, form: form, text))
        }
        guard request.isPost else { return PageAnswer(status: 200, html: pages.ask(title, text)) }
        var proof: [UInt8] = []
        Base64.appendURLSafe(content.proof[...], to: &proof)
        return PageAnswer(
            status: 200,
            html: pages.confirmed(title, text),
            event: event(.confirm, content.list, String(decoding: proof, as: UTF8.self), request),
            failure: pages.failed(text)
        )
    }

    private func event(_ kind: Event.Kind, _ list: String, _ sealed: String, _ request: PageRequest) -> Event {
        var event = Event(
            kind,
            job: .noJob,
            row: RowNumber(0),
            milliseconds: request.milliseconds,
            list: list,
            why: "form",
            method: "POST",
            agent: request.agent
        )
        event.sealed = sealed
        return event
    }

    private func text(_ request: PageRequest) -> SubscribeText {
        SubscribeText.of(
            PageLanguage.chosen(asked: FormFields(request.query)["lang"], message: "", accepted: request.languages)
        )
    }

    private func title(of list: String, _ text: SubscribeText) -> String {
        pages.pages.title(of: .list(list), PageText.of(text.language))
    }

    /// Without the spaces that come with a copied address.
    private static func trimmed(_ text: String) -> String {
        let inner = text.unicodeScalars.drop { $0.properties.isWhitespace }
        let end = inner.lastIndex { !$0.properties.isWhitespace }
        return end.map { String(inner[...$0]) } ?? ""
    }
}

/// `/s/LIST`: a list's form, and what sending it does.
struct SubscribeFormHandler: PathHandler {
    let handler: SubscribeHandler
    let clock: @Sendable () -> Int64

    var takesPost: Bool { true }

    func reply(to request: WebRequest, _ rest: ArraySlice<UInt8>) -> Reply {
        handler.form(Array(rest), PageRequest(request, clock())).map(Reply.init) ?? .unknown
    }
}

/// `/y/TOKEN`: the page of a confirmation message, and what its button does.
struct ConfirmationHandler: PathHandler {
    let handler: SubscribeHandler
    let clock: @Sendable () -> Int64

    var takesPost: Bool { true }

    func reply(to request: WebRequest, _ rest: ArraySlice<UInt8>) -> Reply {
        handler.confirmation(Array(rest), PageRequest(request, clock())).map(Reply.init) ?? .unknown
    }
}

extension PageRequest {
    init(_ request: WebRequest, _ milliseconds: Int64) {
        self.init(
            isPost: request.method == .post,
            query: Array(request.query),
            languages: request.headers["accept-language"],
            body: request.body,
            agent: request.headers.agent,
            visitor: request.peer.bytes,
            milliseconds: milliseconds
        )
    }
}

extension Reply {
    init(_ answer: PageAnswer) {
        let page = WebAnswer.page(answer.status, answer.html)
        self = answer.event.map { .record([$0], done: page, failed: .page(503, answer.failure)) } ?? .answer(page)
    }
}
