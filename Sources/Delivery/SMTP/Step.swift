import Core

/// What a session wants done after an event, besides sending what it wrote: in the order of the fields.
struct Step {
    /// An attempt that is over.
    struct Ending: Hashable, Sendable {
        var ticket: Ticket
        var result: AttemptResult
    }

    /// What comes last.
    enum Then: Hashable, Sendable {
        /// Wait for the next event.
        case wait
        /// Ask the source for a message.
        case ask
        /// Say when all that was written has left this process.
        case flush
        /// Nothing is left to do: say goodbye.
        ///
        /// Sessions keep this to themselves.
        case leave
        /// Close the connection, after sending what was written.
        case close(ConnectionEnd)
    }

    /// The attempts that are over.
    var endings: Endings
    /// The message that is about to go out.
    var announced: Ticket?
    var then: Then

    init(_ then: Then, ended first: Ending? = nil, _ second: Ending? = nil, announced: Ticket? = nil) {
        self.init(then, Endings(first, second), announced: announced)
    }

    init(_ then: Then, _ endings: Endings, announced: Ticket? = nil) {
        self.then = then
        self.endings = endings
        self.announced = announced
    }
}

extension Step {
    /// The attempts that end at one event, in order.
    ///
    /// Nearly always none or one, which must not cost an allocation; a window that is cut off ends many.
    struct Endings: Sequence {
        private var first: Ending?
        private var others: [Ending] = []

        init(_ first: Ending? = nil, _ second: Ending? = nil) {
            self.first = first ?? second
            if first != nil, let second { others.append(second) }
        }

        mutating func append(_ ending: Ending) {
            if first == nil {
                first = ending
            } else {
                others.append(ending)
            }
        }

        func makeIterator() -> Iterator {
            Iterator(first: first, others: others[...])
        }

        struct Iterator: IteratorProtocol {
            fileprivate var first: Ending?
            fileprivate var others: ArraySlice<Ending>

            mutating func next() -> Ending? {
                first.take() ?? others.popFirst()
            }
        }
    }
}

/// How a connection ended, for the pool: what to do next depends on the kind alone.
struct ConnectionEnd: Hashable, Sendable {
    /// The kinds.
    enum Kind: String, Hashable, Sendable, CaseIterable {
        /// We wanted it.
        case goodbye
        /// No connection, a lost one, silence, no SMTP, or a server that is busy: try again later.
        case lost
        /// The server wants no mail from us at all.
        case refused
        /// TLS cannot be had, or the server is not the one we dialled.
        case insecure
        /// The connection was lost between STARTTLS and the handshake's end: chance, or somebody in between.
        case handshakeLost
        /// Our credentials are refused.
        case authentication
    }

    var kind: Kind
    var reason: Reason = .none
    var detail: String = ""
    /// Whether it is our token that was refused, so that a new one may be taken.
    var refusesToken = false
    /// How the server asked to be left alone for a while, if it did: code and stage, for people.
    var complaint: Complaint?

    /// A server's wish to be left alone.
    struct Complaint: Hashable, Sendable {
        var code: Int
        var stage: Stage
        /// Whether it spoke of policy (4.7.x), and not just of leaving.
        var isPolicy: Bool
    }

    static let goodbye = ConnectionEnd(kind: .goodbye)

    /// A reply that ends the connection rather than a row's attempt.
    ///
    /// What is said of a connection is shown without a row beside it, so the addresses of those under way are hidden too.
    init(_ reply: Reply, at stage: Stage, hiding address: Address? = nil, and other: Address? = nil) {
        let judgement = Judgement(reply, at: stage)
        switch judgement.verdict {
        case .refused: kind = judgement.reason == .authentication ? .authentication : .refused
        default: kind = .lost
        }
        reason = judgement.reason
        if judgement.slowDown == .route {
            complaint = Complaint(code: reply.code, stage: stage, isPolicy: reply.enhanced?.subject == 7)
        }
        detail =
            judgement.reason == .protocolError
            ? "unexpected answer to \(stage.rawValue)" : reply.detail(hiding: address, and: other)
    }

    init(kind: Kind, reason: Reason = .none, detail: String = "") {
        self.kind = kind
        self.reason = reason
        self.detail = detail
    }
}

/// Why a session cannot go on, as the connection sees it.
enum Loss: Hashable, Sendable {
    /// The other side closed or reset the connection, or its stream was cut.
    case closed
    /// No whole answer came in time.
    case timeout
    /// What came is no SMTP.
    case garbage(ReplyError)
    /// TLS itself failed after the handshake.
    case tls(String)

    var reason: Reason {
        switch self {
        case .closed, .tls: .connectionLost
        case .timeout: .timeout
        case .garbage: .protocolError
        }
    }

    /// The reason at the message's end, where losing the connection is losing the answer.
    var reasonAtEnd: Reason {
        switch self {
        case .closed, .tls: .answerLost
        case .timeout, .garbage: reason
        }
    }

    /// A sentence; `stage` is what was being waited for.
    func detail(at stage: Stage?) -> String {
        let place =
            stage.map { $0 == .greeting ? " before the greeting" : " before the answer to \($0.rawValue)" } ?? ""
        return switch self {
        case .closed: "the connection was lost\(place)"
        case .timeout: "the server did not answer in time\(place.isEmpty ? "" : " (\(place.dropFirst()))")"
        case .garbage(let error): "\(error.rawValue)\(stage.map { " (\($0.rawValue))" } ?? "")"
        case .tls(let detail): detail
        }
    }
}
