import Core

@testable import Delivery

/// A stage of a conversation at which something can go wrong.
enum FaultStage: String, CaseIterable, Sendable {
    case greeting = "greeting"
    case clearHello = "EHLO in clear"
    case startTLS = "STARTTLS"
    case handshake = "TLS handshake"
    case hello = "EHLO inside TLS"
    case authentication = "AUTH"
    case reset = "RSET"
    case mail = "MAIL"
    case recipient = "RCPT"
    case data = "DATA"
    case content = "content"
    case end = "the message's end"
    case quit = "QUIT"
    case idle = "no message under way"

    /// Whether it comes before the connection can carry mail.
    var isOpening: Bool {
        [.greeting, .clearHello, .startTLS, .handshake, .hello, .authentication].contains(self)
    }

    /// What a ``Peer`` calls it.
    var verb: String {
        switch self {
        case .greeting: "connect"
        case .clearHello, .hello: "EHLO"
        case .handshake: "handshake"
        case .end: "."
        case .content: "content"
        case .idle: "idle"
        case .startTLS, .authentication, .reset, .mail, .recipient, .data, .quit: rawValue
        }
    }
}

/// What can go wrong.
enum Fault: String, CaseIterable, Sendable {
    case temporary = "4yz"
    case temporaryEnhanced = "4yz 4.2.2"
    case permanent = "5yz"
    case permanentEnhanced = "5yz 5.2.1"
    case leaves = "421"
    case silence = "silence"
    case trickle = "an endless drip"
    case drip = "drip"
    case late = "late"
    case reset = "reset"
    case close = "close"
    case truncated = "TLS truncated"
    case half = "half an answer, then close"
    case garbage = "no SMTP"
    case lineEnd = "LF alone"
    case mixedCodes = "mixed codes"
    case endlessLine = "an endless line"
    case endlessReply = "an endless answer"
    case tooMany = "one answer too many"
    case early = "an answer too early"
    case lines = "several lines"
    case notUTF8 = "not UTF-8"

    /// Whether nothing is wrong but the way it is said.
    var isHarmless: Bool {
        [.drip, .late, .lines, .notUTF8].contains(self)
    }

    /// What the peer does.
    var answer: Peer.Answer {
        switch self {
        case .temporary: .say("451 later\r\n")
        case .temporaryEnhanced: .say("452 4.2.2 full\r\n")
        case .permanent: .say("550 no\r\n")
        case .permanentEnhanced: .say("550 5.2.1 off\r\n")
        case .leaves: .sayAndClose("421 4.3.2 closing\r\n")
        case .silence: .silence
        case .trickle: .trickle
        case .drip: .dripped
        case .late: .late
        case .reset: .reset
        case .close: .close
        case .truncated: .truncate
        case .half: .sayAndClose("250-half\r\n")
        case .garbage: .say("what?\r\n")
        case .lineEnd: .say("250 ok\n")
        case .mixedCodes: .say("250-a\r\n550 b\r\n")
        case .endlessLine: .endless("250 ", "x")
        case .endlessReply: .endless("", "250-more\r\n")
        case .tooMany, .early: .changed { Array(($0 + $0).utf8) }
        case .lines: .changed { Array(($0.prefix(3) + "-first\r\n" + $0).utf8) }
        case .notUTF8: .changed { Array($0.utf8.prefix(4)) + [0xFF, 0xFE, 0, 0x1B] + Array($0.utf8.dropFirst(4)) }
        }
    }
}

/// How messages go.
enum FaultWay: String, CaseIterable, Sendable {
    case data = "DATA"
    case window = "a window"
}

/// What becomes of a row.
enum Fate: Hashable, Sendable {
    case sent
    case failed(Reason)
    case later(Reason)
    case unknown(Reason)
    /// Given back untried, and sent over another connection.
    case again
    /// One or the other, by what arrives first.
    case againOrLater(Reason)

    /// The row's state, for the table.
    var words: String {
        switch self {
        case .sent: "`sent`"
        case .failed(let reason): "`failed`, `\(reason)`"
        case .later(let reason): "waits, `\(reason)`"
        case .unknown(let reason): "`unknown`, `\(reason)`"
        case .again: "open"
        case .againOrLater(let reason): "waits, `\(reason)`; open if the reset overtook the answers before it"
        }
    }
}

/// What a fault leads to.
struct FaultEffect: Hashable, Sendable {
    /// What happens if it happens on every connection.
    enum Repeated: Hashable, Sendable {
        /// Nothing.
        case fine
        /// The route goes on trying, with growing waits.
        case tried(Reason)
        /// The route ends after that many: rows are `held`.
        case held(Reason, after: Int)
        /// The same, since the server does not want us.
        case stopped(Reason, after: Int)
    }

    /// The row that it happens to.
    var row = Fate.sent
    /// The rows behind it that were on their way.
    var behind = Fate.sent
    /// Whether another connection is needed.
    var endsConnection = false
    /// Before mail.
    var repeated = Repeated.fine

    static let none = FaultEffect()

    /// What a fault at a stage leads to; `nil` where there is no such thing.
    static func of(_ fault: Fault, at stage: FaultStage, _ way: FaultWay, implicit: Bool) -> FaultEffect? {
        if fault == .early { return early(stage, way, implicit: implicit) }
        switch stage {
        case .handshake where [.tooMany, .lines, .notUTF8].contains(fault): return nil
        case .content where fault.isHarmless, .idle where fault.isHarmless || fault == .silence: return nil
        // Nothing is usual there that could be said twice.
        case .content where fault == .tooMany, .idle where fault == .tooMany: return nil
        case .quit: return FaultEffect.none
        case .idle: return FaultEffect(endsConnection: true)
        default: break
        }
        if fault.isHarmless { return FaultEffect.none }
        if stage.isOpening { return opening(fault, stage, implicit: implicit) }
        return way == .data ? byData(fault, stage) : inWindow(fault, stage)
    }

    /// An answer that comes before it can be one: behind STARTTLS's 220, behind DATA's 354, with nothing asked, or in
    /// the middle of content.
    ///
    /// Everywhere else the command is out already, or it is one answer too many.
    private static func early(_ stage: FaultStage, _ way: FaultWay, implicit: Bool) -> FaultEffect? {
        switch (stage, way) {
        case (.content, _): FaultEffect(row: .later(.protocolError), endsConnection: true)
        case (.idle, _): FaultEffect(endsConnection: true)
        default: nil
        }
    }

    private static func opening(_ fault: Fault, _ stage: FaultStage, implicit: Bool) -> FaultEffect {
        FaultEffect(endsConnection: true, repeated: repeated(fault, stage, implicit: implicit))
    }

    private static func repeated(_ fault: Fault, _ stage: FaultStage, implicit: Bool) -> Repeated {
        let isClear = stage == .greeting && !implicit || stage == .clearHello || stage == .startTLS
        if stage == .handshake {
            switch fault {
            case .silence, .trickle, .reset, .close, .truncated: return .held(.tlsHandshake, after: 4)
            default: return .held(.tlsHandshake, after: 2)
            }
        }
        switch fault {
        case .tooMany where isClear: return .held(.tlsInjection, after: 2)
        case .temporary, .temporaryEnhanced, .permanent, .permanentEnhanced, .leaves:
            return refused(fault, stage)
        default:
            guard let reason = loss(fault) else { return .fine }
            switch stage {
            case .startTLS: return .held(.tlsHandshake, after: 4)
            case .authentication: return .stopped(reason, after: 2)
            default: return .tried(reason)
            }
        }
    }

    private static func refused(_ fault: Fault, _ stage: FaultStage) -> Repeated {
        let isPermanent = fault == .permanent || fault == .permanentEnhanced
        let reason = reason(fault, stage)
        switch stage {
        case .clearHello, .startTLS:
            return fault == .leaves ? .tried(.serverBusy) : .held(.tlsNotOffered, after: 2)
        case .authentication: return isPermanent ? .stopped(.authentication, after: 1) : .tried(reason)
        default: return isPermanent ? .stopped(reason, after: 2) : .tried(reason)
        }
    }

    /// The reason of a refusal: by its enhanced code, or by code and stage.
    private static func reason(_ fault: Fault, _ stage: FaultStage) -> Reason {
        let hasMailbox = [.recipient, .data, .content, .end].contains(stage)
        switch fault {
        case .temporaryEnhanced: return hasMailbox ? .mailboxFull : .serverBusy
        case .permanentEnhanced: return hasMailbox ? .mailboxDisabled : .refused
        case .permanent:
            switch stage {
            case .mail: return .senderRefused
            case .recipient: return .mailboxUnknown
            default: return .policyRefused
            }
        default: return .serverBusy
        }
    }

    /// The reason where an answer was lost or was none.
    private static func loss(_ fault: Fault) -> Reason? {
        switch fault {
        case .silence, .trickle: .timeout
        case .reset, .close, .truncated, .half: .connectionLost
        case .garbage, .lineEnd, .mixedCodes, .endlessLine, .endlessReply, .tooMany: .protocolError
        default: nil
        }
    }

    private static func byData(_ fault: Fault, _ stage: FaultStage) -> FaultEffect? {
        switch fault {
        case .temporary where stage == .mail, .temporaryEnhanced where stage == .mail:
            // The connection's, perhaps: it has carried a message.
            return FaultEffect(row: .again, endsConnection: true)
        case .temporary, .temporaryEnhanced:
            return FaultEffect(row: .later(reason(fault, stage)), endsConnection: stage == .content)
        case .permanent, .permanentEnhanced:
            return FaultEffect(row: .failed(reason(fault, stage)), endsConnection: stage == .content)
        case .leaves:
            return FaultEffect(
                row: stage == .mail ? .again : .later(.serverBusy),
                behind: stage == .end ? .again : .sent,
                endsConnection: true
            )
        case .tooMany:
            switch stage {
            case .end: return FaultEffect(behind: .later(.protocolError), endsConnection: true)
            default: return FaultEffect(row: .later(.protocolError), endsConnection: true)
            }
        default:
            guard let reason = loss(fault) else { return nil }
            switch stage {
            case .mail: return FaultEffect(row: .again, endsConnection: true)
            case .end:
                let reason = reason == .connectionLost ? Reason.answerLost : reason
                return FaultEffect(row: .unknown(reason), behind: .again, endsConnection: true)
            default: return FaultEffect(row: .later(reason), endsConnection: true)
            }
        }
    }

    private static func inWindow(_ fault: Fault, _ stage: FaultStage) -> FaultEffect? {
        if stage == .content { return inContentOfWindow(fault) }
        let unknown = loss(fault).map { Fate.unknown($0 == .connectionLost ? .answerLost : $0) }
        switch fault {
        case .temporary, .temporaryEnhanced, .permanent, .permanentEnhanced:
            guard stage != .reset else {
                return FaultEffect(
                    row: .unknown(.protocolError),
                    behind: .unknown(.protocolError),
                    endsConnection: true
                )
            }
            let reason = reason(fault, stage)
            let isTemporary = fault == .temporary || fault == .temporaryEnhanced
            if stage == .mail, isTemporary { return FaultEffect(row: .again, endsConnection: true) }
            return FaultEffect(row: isTemporary ? .later(reason) : .failed(reason))
        case .leaves:
            let row = stage == .reset ? Fate.unknown(.answerLost) : .later(.serverBusy)
            return FaultEffect(row: row, behind: .unknown(.answerLost), endsConnection: true)
        case .tooMany where stage == .end:
            return FaultEffect(behind: .unknown(.protocolError), endsConnection: true)
        default:
            guard let unknown else { return nil }
            return FaultEffect(row: unknown, behind: unknown, endsConnection: true)
        }
    }

    /// What is behind a message that is not wholly out was not even asked for.
    private static func inContentOfWindow(_ fault: Fault) -> FaultEffect? {
        let row: Fate
        switch fault {
        case .temporary, .temporaryEnhanced: row = .later(reason(fault, .content))
        case .permanent, .permanentEnhanced: row = .failed(reason(fault, .content))
        case .leaves: row = .later(.serverBusy)
        default:
            guard let reason = loss(fault) else { return nil }
            // A reset may overtake the answers before it.
            row = fault == .reset ? .againOrLater(reason) : .later(reason)
        }
        return FaultEffect(row: row, endsConnection: true)
    }
}
