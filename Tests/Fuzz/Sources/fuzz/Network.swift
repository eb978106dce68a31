@testable import API
import Core
@testable import Delivery
import Files
import Intake
import Ledger
import NIOCore
import NIOEmbedded
import OpenSSL
import Reports
@testable import Tracking
@testable import Web

private let secret = SecretBytes(copying: [UInt8](repeating: 7, count: 32))

// MARK: - Mail

/// A mail server's replies, and all that is made of one.
func readReply(_ bytes: [UInt8]) {
    var parser = ReplyParser(limits: Limits())
    var buffer = ByteBuffer(bytes: bytes)
    while let reply = try? parser.next(from: &buffer) {
        _ = Capabilities(reply)
        for stage in Stage.allCases { _ = Judgement(reply, at: stage) }
        precondition(!reply.detail(hiding: Relay.recipient).lowercased().contains(Relay.recipient.text))
    }
}

/// A whole conversation with a relay that says what it likes: no row may end twice, none may be left without an end.
func readRelay(_ bytes: [UInt8]) {
    // The first byte chooses what we want of it.
    var settings = Relay.settings
    let wishes = bytes.first ?? 0
    let mechanisms: [Mechanism?] = [nil, .plain, .login, .scramSHA256]
    settings.credentials =
        wishes & 1 == 0
        ? nil
        : .init(
            username: "user",
            secret: .password(Protected("secret")),
            mechanism: mechanisms[Int(wishes >> 1 & 3)]
        )
    settings.credentials?.nonce = "nonce"
    if wishes & 8 != 0 { settings.window = 4 }
    var relay = Relay(SecureSession(implicit: Relay.verified, settings: settings))
    relay.hear(bytes.dropFirst())
}

private struct Relay: ~Copyable {
    static let settings = RouteSettings(name: "main", host: "relay.test", heloName: "mail.test")
    static let recipient = needed { try Address(localPart: "jane.roe", domain: "post.example") }
    private static let content = Array("Subject: 1\r\n\r\nHello\r\n".utf8)

    /// A session's proof, from a handshake between two engines in memory.
    static let verified = needed {
        let authority = try CertificateAuthority(commonName: "Root", notBefore: now - 9_999, notAfter: now + 99_999)
        let request = CertificateRequest(names: ["relay.test"], notBefore: now - 9_999, notAfter: now + 99_999)
        let issued = try authority.issue(request)
        let client = try TLSEngine(TLSContext(trust: .pem(authority.certificatePEM)), serverName: "relay.test")
        let server = TLSEngine(try TLSServerContext(certificateChainPEM: issued.chainPEM, keyPEM: issued.keyPEM))
        for _ in 0..<4 {
            _ = try client.handshake()
            server.receive(client.takeOutput())
            _ = try server.handshake()
            client.receive(server.takeOutput())
        }
        return VerifiedTLS(of: client, trust: .pem(authority.certificatePEM)) ?? { fatalError("no handshake") }()
    }
    private static let now = Timestamp.now.seconds

    private var session: SecureSession
    private var output = ByteBuffer()
    private var waiting = 3
    private var underWay: Set<RowNumber> = []
    private var isOver = false

    init(_ session: consuming SecureSession) {
        self.session = session
    }

    mutating func hear(_ bytes: ArraySlice<UInt8>) {
        var parser = ReplyParser(limits: Limits())
        var input = ByteBuffer(bytes: bytes)
        do throws(ReplyError) {
            while !isOver, let reply = try parser.next(from: &input) {
                perform(session.received(reply, more: false, into: &output))
            }
            if !isOver { perform(session.lost(.closed)) }
        } catch {
            perform(session.lost(.garbage(error)))
        }
        precondition(underWay.isEmpty, "a row was left without an end")
    }

    private mutating func perform(_ first: Step) {
        var steps = [first]
        while let step = steps.popLast() {
            output.clear()
            for ending in step.endings {
                precondition(underWay.remove(ending.ticket.row) != nil, "a row ended twice")
            }
            if let ticket = step.announced { steps.append(session.durable(ticket, true, into: &output)) }
            switch step.then {
            case .wait, .leave: continue
            case .flush: steps.append(session.flushed(into: &output))
            case .close: isOver = true
            case .ask where session.canTake && waiting > 0: steps.append(begin())
            case .ask where session.canTake: steps.append(session.drain(into: &output))
            case .ask: continue
            }
        }
    }

    private mutating func begin() -> Step {
        let ticket = Ticket(row: RowNumber(UInt32(waiting)), attempt: 1)
        waiting -= 1
        underWay.insert(ticket.row)
        let message = OutgoingMessage(
            ticket: ticket,
            sender: Self.recipient,
            recipient: Self.recipient,
            content: Self.content
        )
        return session.begin(message, isRested: false, into: &output)
    }
}

/// What a client says to the receiving server, in two pieces.
func readCommand(_ bytes: [UInt8]) {
    var options = CaptureOptions(certificateChainPEM: [], keyPEM: SecretBytes(copying: []))
    options.credentials = .init(username: "user", password: secret)
    if bytes.first == UInt8(ascii: "E") { options.credentials = nil }
    options.maximumSize = 1_024
    var session = CaptureSession(options)
    session.secured()
    var (input, output) = (ByteBuffer(), ByteBuffer())
    let half = bytes.count / 2
    for piece in [bytes[..<half], bytes[half...]] {
        input.writeBytes(piece)
        var isMore = true
        while isMore {
            switch session.next(&input, into: &output) {
            case .needsInput: isMore = false
            case .startTLS: session.secured()
            case .message(let message):
                _ = CaptureData.unstuffed(message.data)
                session.answer(to: .accept, into: &output)
            case .close: return
            }
        }
    }
}

// MARK: - The web

/// A browser's requests, in two pieces.
func readRequest(_ bytes: [UInt8]) {
    var parser = RequestParser(WebLimits())
    let half = bytes.count / 2
    for piece in [bytes[..<half], bytes[half...]] {
        parser.feed(ByteBuffer(bytes: piece).readableBytesView)
        var isMore = true
        while isMore {
            switch parser.next(from: WebAddress(ipv4: 0x7F00_0001)) {
            case .incomplete: isMore = false
            case .refused: return
            case .request(let request, let closes):
                _ = visits.reply(to: request)
                if closes { return }
            }
        }
    }
}

/// A connection of HTTP/2 behind its preface, answered by the tracking pages.
func readHTTP2(_ bytes: [UInt8]) {
    let channel = EmbeddedChannel()
    let limits = WebLimits()
    let pages = VisitResponder()
    let loop = LoopState(channel.eventLoop, limits, WebCounters(), [pages])
    let address = WebAddress(ipv4: 0x7F00_0001)
    guard let peer = PeerTable(limits).enter(address, now: 0) else { return }
    needed {
        try channel.pipeline.syncOperations.speakHTTP2(loop, pages, peer, address, channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }
    let half = bytes.count / 2
    for piece in [Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)[...], bytes[..<half], bytes[half...]] {
        _ = try? channel.writeInbound(ByteBuffer(bytes: piece))
        channel.embeddedEventLoop.run()
    }
    loop.tick()
    _ = try? channel.finish()
    precondition(loop.count == 0, "something of the connection is left")
}

private final class VisitResponder: WebResponder {
    func respond(to request: WebRequest, _ exchange: any WebExchange) {
        switch visits.reply(to: request) {
        case .answer(let answer), .record(_, let answer, _): exchange.answer(answer)
        case .unknown: return
        }
    }
}

/// A form sent to each page that takes one: the query in the first line, then what languages are wanted, then the form.
func readForm(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 10, maxSplits: 2, omittingEmptySubsequences: false)
    let headers = parts.count > 1 ? [("accept-language", String(decoding: parts[1], as: UTF8.self))] : []
    for page in ["/u/\(optOutToken)", "/p/\(optOutToken)", "/s/news"] {
        let target = Array("\(page)?".utf8) + parts[0]
        var request = WebRequest(.post, target[...], headers: WebHeaders(headers))
        if parts.count > 2 { request.body = Array(parts[2]) }
        guard case .record(_, let answer, _) = visits.reply(to: request) else { continue }
        precondition(answer.status == 200)
    }
}

private let keys = TokenKeys(TokenKey(secret: secret))
private let seal = TokenSeal(keys)

private let optOutToken: String = {
    let base = BaseURL("https://t.clinic.example") ?? { fatalError("no base URL") }()
    var url: [UInt8] = []
    TrackingTokens(baseURL: base, keys: keys, tagger: AddressTagger(key: secret)).appendUnsubscribeURL(
        job: .noJob,
        row: RowNumber(1),
        list: "flu",
        language: "",
        address: Relay.recipient,
        to: &url
    )
    return String(decoding: url, as: UTF8.self).split(separator: "/").last.map(String.init) ?? ""
}()

/// The pages of the tracking server.
private let visits: TrackingSite = {
    let visits = Visits(classifier: .shipped, notes: VisitorNotes(keys), clock: { 1_000 })
    let titles = ["en": "News", "es": "Noticias"]
    let pages = Pages(siteName: "Clinic", lists: [OfferedList(scope: .list("news"), titles: titles)])
    var options = SubscribeOptions(lists: ["news"], key: SealingPrivateKey.generate().publicKey) { text in
        (try? AddressParser.parse(text)) != nil
    }
    options.perVisitor = .max
    options.perHour = .max
    let subscribe = SubscribeHandler(options, pages: pages, seal: seal)
    let log = needed { try EventLog(directory: Scratch.folder("events"), keys: keys) }
    return TrackingSite(
        bases: [],
        handlers: [
            "o": OpenHandler(seal: seal, visits: visits), "c": ClickHandler(seal: seal, visits: visits),
            "u": OptOutHandler(page: .unsubscribe, seal: seal, visits: visits, pages: pages),
            "p": OptOutHandler(page: .preferences, seal: seal, visits: visits, pages: pages),
            "s": SubscribeFormHandler(handler: subscribe, clock: { 1_000 }),
            "y": ConfirmationHandler(handler: subscribe, clock: { 1_000 }),
        ],
        health: HealthHandler(log: log),
        pages: pages
    )
}()

/// A question to the API: the path in the first line, then the query.
func readQuery(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 10, maxSplits: 1, omittingEmptySubsequences: false)
    let answer = api.answer(
        APIRequest(
            "GET",
            String(decoding: parts[0], as: UTF8.self),
            query: parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : "",
            authorization: "Bearer \(apiKey.text)"
        )
    )
    // Nothing that is asked may look like a fault of ours.
    precondition(answer.status < 500)
}

private let apiKey = APIKey.make()

/// The API over an empty site.
private let api: APIHandler = {
    let outbox = Scratch.folder("outbox")
    let index = ReportIndex(
        directory: outbox,
        path: Scratch.path + "/outbox",
        sources: ReportSources(
            ledgers: LedgerStore(directory: Scratch.folder("ledgers"), key: secret),
            events: Scratch.folder("none"),
            eventKeys: keys,
            jobs: Scratch.folder("jobs"),
            records: SigningKey.generate().verifyingKey,
            tags: secret,
            zone: .utc
        )
    )
    let key = APIKey(name: "all", digest: apiKey.digest, scopes: Set(APIScope.allCases))
    return APIHandler(index: index, version: "0", freshness: .seconds(1 << 30), keys: { APIKeys([key]) })
}()

/// A token in a link or in an address: none that we did not make may open.
func readToken(_ bytes: [UInt8]) {
    for kind in TokenKind.allCases { precondition(seal.open(kind, bytes) == nil) }
    // What opens may be old or of another version; its content is read with the same care.
    for kind in TokenKind.allCases { _ = TokenContent(kind, plaintext: bytes) }
    precondition(ConfirmationToken(bytes, seal) == nil)
    precondition(returnPath.find(in: bytes[...]).tokens.isEmpty)
}

private let returnPath = ReturnPath(domain: "b.clinic.example", key: secret, tagger: AddressTagger(key: secret))
