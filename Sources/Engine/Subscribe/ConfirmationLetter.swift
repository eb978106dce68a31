import Compose
import Core
import Delivery
import Files
import Intake
import OpenSSL
import Tracking

/// Makes confirmation messages from the site's templates.
///
/// `confirm-subscription.txt` begins with its subject, `Subject: …`; `confirm-subscription.html` may stand beside it. A language has
/// files of its own where they are there: `confirm-subscription.es.txt`. The text may name `site`, `postal_address`, `list` and
/// `confirm_url`.
struct ConfirmationLetter {
    static let template = "confirm-subscription"
    /// The languages of the forms.
    static let languages = ["en", "es"]

    private let site: Site
    private let subscribe: SiteConfiguration.Subscribe
    private let identity: HMACSHA256
    private let proof: ConfirmationProof
    private let seal: TokenSeal
    private let base: BaseURL
    private let signer: MessageSigner?
    private let templates: Templates
    private var scratch = Scratch()

    /// Reads what messages are made of; throws if they could not be.
    init(site: Site, keys: SiteKeys, subscribe: SiteConfiguration.Subscribe) throws {
        self.site = site
        self.subscribe = subscribe
        identity = HMACSHA256(key: keys.identity)
        proof = ConfirmationProof(key: keys.confirmation)
        seal = TokenSeal(keys.tokens)
        let domain = subscribe.from.value.address.domain
        guard let tracking = site.configuration.tracking,
            let base = BaseURL(tracking.baseURL(forSender: domain).value)
        else {
            throw EngineError(.configuration, "\"subscribe\" needs the tracking server", at: subscribe.from.place)
        }
        self.base = base
        signer = try SigningKeys(site: site).signer(of: domain)
        if signer == nil, site.configuration.dkim?.isRequired == true {
            throw EngineError(
                .configuration,
                "the site signs mail by DKIM, and has no key for \"\(domain)\"",
                at: subscribe.from.place,
                fix: "`wardpost keys dkim --domain \(domain)` makes keys"
            )
        }
        guard let directory = site.templates else {
            throw EngineError(
                .configuration,
                "the site has no templates/",
                fix: "make it, and copy the shipped templates"
            )
        }
        templates = Templates(directory: directory)
        for language in Self.languages {
            _ = try composer(list: "list", language: language, link: "https://host.example/y/token")
        }
    }

    /// Makes a wish's message: the same bytes at every attempt.
    mutating func message(
        _ id: SubscriptionWish.ID,
        _ wish: SubscriptionDesk.Wish,
        to address: Address,
        ticket: Ticket
    ) throws -> OutgoingMessage {
        let token = ConfirmationToken(
            list: wish.list,
            expires: wish.expires,
            proof: proof.make(id, list: wish.list, expires: wish.expires)
        )
        let link = token.url(base, seal) + "?lang=\(wish.language)"
        let composer = try composer(list: wish.list, language: wish.language, link: link)
        let sender = subscribe.from.value.address
        let digest = identity.tag(of: Array("subscription".utf8) + id.bytes)
        guard let identity = MessageIdentity(digest: digest, domain: sender.domain) else {
            preconditionFailure("a SHA-256 digest is long enough")
        }
        var content: [UInt8] = []
        let facts = try composer.compose(
            row: Row(number: RowNumber(1), line: 1),
            identity: identity,
            date: wish.accepted,
            context: RenderContext(job: .noJob, recipient: address),
            scratch: &scratch,
            into: &content
        )
        var message = OutgoingMessage(
            ticket: ticket,
            sender: sender,
            recipient: address,
            content: content,
            headersNeedUTF8: facts.headersNeedUTF8
        )
        message.envelopeID = identity.messageID
        return message
    }

    private func composer(list: String, language: String, link: String) throws -> Composer {
        let (subject, text) = try templates.text(language)
        let design = JobDesign(
            from: Compose.Mailbox(subscribe.from.value),
            subject: subject,
            html: try templates.source(".html", language),
            text: text,
            columns: ColumnTable(names: []),
            constants: [
                "site": site.configuration.site.value,
                "postal_address": site.configuration.postalAddress?.value ?? "",
                "list": site.title(of: list, language),
                "confirm_url": link,
            ],
            language: language
        )
        let templates = templates
        return try Composer(design, loader: { try? templates.load($0) }, signer: signer)
    }

    /// The site's templates.
    private struct Templates {
        let directory: Directory

        /// The subject, which is the text's first line, and the rest of the text.
        func text(_ language: String) throws -> (subject: TemplateSource, text: TemplateSource) {
            guard var text = try source(".txt", language) else {
                throw Diagnostic(
                    "there is no templates/\(ConfirmationLetter.template).txt",
                    fix: "copy it from the templates that come with Wardpost"
                )
            }
            let line = text.bytes.prefix { $0 != UInt8(ascii: "\n") }
            let start = Array("Subject: ".utf8)
            guard line.starts(with: start), line.count > start.count else {
                throw Diagnostic(
                    "the first line must be the subject",
                    at: Place(file: text.file, line: 1, column: 1),
                    fix: "write it like `Subject: Please confirm your subscription`"
                )
            }
            var subject = text
            subject.bytes = Array(line.dropFirst(start.count))
            subject.firstColumn = start.count + 1
            text.bytes.removeFirst(min(line.count + 1, text.bytes.count))
            text.firstLine = 2
            while text.bytes.first == UInt8(ascii: "\n") || text.bytes.first == UInt8(ascii: "\r") {
                if text.bytes.removeFirst() == UInt8(ascii: "\n") { text.firstLine += 1 }
            }
            return (subject, text)
        }

        /// The template in a language, or else the one without.
        func source(_ suffix: String, _ language: String) throws -> TemplateSource? {
            try load("\(ConfirmationLetter.template).\(language)\(suffix)")
                ?? load(ConfirmationLetter.template + suffix)
        }

        func load(_ name: String) throws -> TemplateSource? {
            try TemplateFiles.inSite(name, directory)?.source
        }
    }
}
