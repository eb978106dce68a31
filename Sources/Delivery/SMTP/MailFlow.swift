import Core
import DequeModule
import NIOCore

/// The part of a secure session that carries mail: commands out, replies matched to them in order.
///
/// With PIPELINING, MAIL, RCPT and DATA go out in one write; and once a message's content has gone, the next message's
/// envelope goes out right behind it (RFC 2920 section 3.1 lets content begin a group). So there can be two messages under way: one
/// that waits for the answer to its end (`finishing`), and one behind it that has not sent content (`current`).
///
/// Where a window is wanted and the server offers CHUNKING and PIPELINING, a connection's first message goes by DATA,
/// alone, and the others by ``ChunkFlow``: the answers to the first show whether later ones can be told apart.
///
/// The content goes only when the server has answered DATA with 354 and the ledger has said that the row is noted. What
/// the answers are is compared with what was asked: one too many, or one too early, ends the connection, so answers never
/// move to the next row.
struct MailFlow: ~Copyable {
    /// What is being waited for.
    enum Awaited: Hashable, Sendable {
        case reset
        case mail
        case recipient
        case data
        case end
        /// The end of an empty message, sent since the server asked for content in spite of having refused the recipient.
        case emptyEnd

        var stage: Stage {
            switch self {
            case .reset: .reset
            case .mail: .mail
            case .recipient: .recipient
            case .data: .data
            case .end, .emptyEnd: .end
            }
        }
    }

    /// Content up to this size goes out in one piece with its end; larger content in pieces of this size, its end alone
    /// after the last one has left, so that a connection lost in between is known to have lost no answer.
    static let piece = 128 * 1024

    let facts: ServerFacts
    let messagesPerConnection: Int
    private let overlaps: Bool
    /// Commands sent and not answered, oldest first.
    var awaited: Deque<Awaited> = []
    /// The message whose envelope is out or whose content is on its way.
    var current: Transaction?
    /// The message whose end is out.
    var finishing: Transaction?
    private(set) var begun = 0
    private var hasCarried = false
    private var needsReset = false
    /// No further message is wanted.
    var isLeaving = false
    /// Asked in the step that writes content whether it may go out.
    var mayTransmit: () -> Bool = { true }
    /// An envelope was given up after it went out, so the connection is good for one more answer and no more.
    var isSpent = false
    /// The window that is wanted, until the server's answers to a message have shown whether it can be had.
    private var wantedWindow: Int?
    /// What the server said to the last MAIL and RCPT that it took, while a window is wanted.
    private var yeses: (mail: Reply?, recipient: Reply?)
    /// The way by CHUNKING, once it is taken.
    var chunks: ChunkFlow?

    init(_ capabilities: Capabilities, tls: TLSEvidence, settings: RouteSettings) {
        facts = ServerFacts(capabilities, tls: tls, settings: settings)
        let limit = settings.limits.messagesPerConnection ?? .max
        messagesPerConnection = min(limit, capabilities.mailMaximum ?? .max)
        overlaps = settings.limits.overlapsEnvelopes
        if settings.window > 1, capabilities.chunking, capabilities.pipelining { wantedWindow = settings.window }
        awaited.reserveCapacity(8)
    }

    /// Whether nothing is under way.
    var isIdle: Bool {
        current == nil && finishing == nil && asChunks { $0.isIdle } != false
    }

    /// Which answer is awaited, and how much content is on its way before it.
    var waiting: (stage: Stage, octets: Int)? {
        if let waiting = asChunks({ $0.waiting }) ?? nil { return waiting }
        if let first = awaited.first {
            return (first.stage, first == .end ? finishing?.message.content.count ?? 0 : 0)
        }
        guard let current, case .leaving = current.content else { return nil }
        return (.content, current.message.content.count)
    }

    /// Whether another message's envelope may go out now.
    var canTake: Bool {
        if let canTake = asChunks({ $0.canTake }) { return canTake }
        guard current == nil, !isLeaving, begun < messagesPerConnection else { return false }
        return finishing == nil || (overlaps && facts.capabilities.pipelining && wantedWindow == nil)
    }

    private func asChunks<Value>(_ fact: (borrowing ChunkFlow) -> Value) -> Value? {
        switch chunks {
        case .some(let flow): fact(flow)
        case nil: nil
        }
    }

    /// Whether a message's content would go out now if it were durable and had leave: by DATA, when the server asked for it.
    func wantsContent(of ticket: Ticket) -> Bool {
        guard let current, current.message.ticket == ticket else { return true }
        guard case .asked = current.content else { return false }
        return true
    }

    // MARK: Events

    /// Takes a message: writes its envelope, or says at once why it cannot go.
    mutating func begin(_ message: OutgoingMessage, isRested: Bool, into output: inout ByteBuffer) -> Step {
        if let step = chunks?.begin(message, isRested: isRested, into: &output) { return step }
        if let ending = facts.obstacle(to: message) { return Step(rest(more: false), ended: ending) }
        current = Transaction(message, isFirst: begun == 0)
        begun += 1
        let isReset = !needsReset
        if needsReset {
            needsReset = false
            output.writeStaticString("RSET\r\n")
            awaited.append(.reset)
        }
        if isReset || facts.capabilities.pipelining { writeEnvelope(of: message, into: &output) }
        return Step(.wait, announced: message.ticket)
    }

    /// Writes as much of an envelope as may go without an answer.
    private mutating func writeEnvelope(of message: OutgoingMessage, into output: inout ByteBuffer) {
        output.writeMail(message, facts)
        awaited.append(.mail)
        guard facts.capabilities.pipelining else { return }
        output.writeRecipient(message, facts)
        output.writeStaticString("DATA\r\n")
        awaited.append(.recipient)
        awaited.append(.data)
    }

    /// Takes the ledger's word about the message whose envelope is out.
    mutating func durable(_ ticket: Ticket, _ isDurable: Bool, into output: inout ByteBuffer) -> Step {
        if let step = chunks?.durable(ticket, isDurable, into: &output) { return step }
        guard current?.message.ticket == ticket, current?.isDurable == nil else { return Step(.wait) }
        current?.isDurable = isDurable
        return sendContent(into: &output)
    }

    /// Takes the news that all that was written has left this process.
    mutating func flushed(into output: inout ByteBuffer) -> Step {
        if let step = chunks?.flushed(into: &output) { return step }
        guard let current, case .leaving = current.content else { return Step(.wait) }
        // Without its end, no server takes a message.
        guard mayTransmit() else { return giveBack(.rightHasRunOut) }
        return writePiece(into: &output)
    }

    /// Takes a reply; `more` says that further bytes came with it.
    mutating func received(_ reply: Reply, more: Bool, into output: inout ByteBuffer) -> Step {
        if let step = chunks?.received(reply, more: more, into: &output) { return step }
        guard let asked = awaited.popFirst() else { return receivedUnasked(reply) }
        if reply.code == 421 { return serverLeaves(reply, instead: asked) }
        switch asked {
        case .end: return receivedEnd(reply, more: more)
        case .emptyEnd:
            needsReset = true
            return endRefused(more: more)
        case .reset: return receivedReset(reply, more: more, into: &output)
        case .mail, .recipient:
            current?.isAnswered = true
            return receivedEnvelope(reply, asked, more: more, into: &output)
        case .data:
            current?.isAnswered = true
            return receivedData(reply, more: more, into: &output)
        }
    }

    // MARK: The envelope

    private mutating func receivedReset(_ reply: Reply, more: Bool, into output: inout ByteBuffer) -> Step {
        guard reply.code == 250 else { return close(.protocolError("unexpected answer to RSET")) }
        guard awaited.isEmpty, let message = current?.message else { return Step(.wait) }
        if more { return close(.protocolError("the server answered more than it was asked")) }
        writeEnvelope(of: message, into: &output)
        return Step(.wait)
    }

    private mutating func receivedEnvelope(
        _ reply: Reply,
        _ asked: Awaited,
        more: Bool,
        into output: inout ByteBuffer
    ) -> Step {
        let isTaken = asked == .mail ? reply.code == 250 : (250...252).contains(reply.code)
        guard isTaken || reply.severity >= 4 else { return unexpected(asked.stage) }
        if !isTaken {
            var refusal = judged(reply, at: asked.stage)
            let isSender = asked == .mail
            if isSender, refusal.verdict == .refused, refusal.reason == .authentication {
                // A server that has seen content may repeat it, and this sentence is the route's, not the row's.
                let detail = begun > 1 ? ConnectionEnd.wantsLogin(reply) : refusal.detail
                return close(ConnectionEnd(kind: .authentication, reason: .authentication, detail: detail))
            }
            if isSender, hasCarried, reply.isPerhapsOfConnection {
                refusal = result(.notTried, .serverBusy, "the server takes no more messages on this connection")
                isLeaving = true
            }
            if isSender { current?.isMailRefused = true }
            if current?.refusal == nil { current?.refusal = refusal }
        } else if wantedWindow != nil {
            if asked == .mail { yeses.mail = reply } else { yeses.recipient = reply }
        }
        if !facts.capabilities.pipelining {
            if !isTaken {
                needsReset = asked == .recipient
                return endRefused(more: more)
            }
            if more { return unexpected(asked.stage) }
            if asked == .mail, let message = current?.message {
                output.writeRecipient(message, facts)
                awaited.append(.recipient)
            } else {
                output.writeStaticString("DATA\r\n")
                awaited.append(.data)
            }
        }
        return Step(.wait)
    }

    private mutating func receivedData(_ reply: Reply, more: Bool, into output: inout ByteBuffer) -> Step {
        switch reply.severity {
        case 4, 5:
            let refusal = judged(reply, at: .data)
            if current?.refusal == nil { current?.refusal = refusal }
            needsReset = true
            return endRefused(more: more)
        case 3 where reply.code == 354 && !more:
            guard let current, let refusal = current.refusal else {
                self.current?.content = .asked
                return sendContent(into: &output)
            }
            // The server refused the mailbox, and asks for content all the same. An empty message to nobody is the
            // way out (RFC 2920 section 3.1); where it refused the sender and took the recipient, there is none.
            guard !current.isMailRefused else {
                self.current = nil
                return close(
                    .protocolError("DATA was answered with 354 after MAIL was refused"),
                    current.ended(refusal)
                )
            }
            output.writeStaticString(DotStuffer.end)
            awaited.append(.emptyEnd)
            return Step(.wait)
        default:
            return unexpected(.data)
        }
    }

    /// Ends the attempt whose envelope was refused.
    private mutating func endRefused(more: Bool) -> Step {
        let ended = current.flatMap { transaction in
            transaction.refusal.map { transaction.ended($0) }
        }
        current = nil
        return Step(rest(more: more), ended: ended)
    }

    // MARK: The content and its end

    private mutating func sendContent(into output: inout ByteBuffer) -> Step {
        guard case .asked? = current?.content, let isDurable = current?.isDurable else { return Step(.wait) }
        guard isDurable, mayTransmit() else {
            return giveBack(isDurable ? .rightHasRunOut : .rowNotTaken)
        }
        return writePiece(into: &output)
    }

    /// Gives the message back whose content was asked for: after 354 there is no way back but to close.
    private mutating func giveBack(_ end: ConnectionEnd) -> Step {
        let ended = current.map { $0.ended(result(.notTried, end.reason, end.detail)) }
        current = nil
        return close(end, ended)
    }

    private mutating func writePiece(into output: inout ByteBuffer) -> Step {
        guard var transaction = current else { return Step(.wait) }
        let isLarge = transaction.message.content.count > Self.piece
        if isLarge, transaction.stuffer.offset == transaction.message.content.count {
            return writeEnd(of: transaction, into: &output)
        }
        let limit = isLarge ? Self.piece : .max
        let isWhole = transaction.stuffer.write(transaction.message.content, limit: limit, into: &output)
        if isWhole, !isLarge {
            return writeEnd(of: transaction, into: &output)
        }
        transaction.content = .leaving
        current = transaction
        return Step(.flush)
    }

    private mutating func writeEnd(of transaction: Transaction, into output: inout ByteBuffer) -> Step {
        output.writeStaticString(DotStuffer.end)
        awaited.append(.end)
        current = nil
        finishing = transaction
        return Step(canTake ? .ask : .wait)
    }

    private mutating func receivedEnd(_ reply: Reply, more: Bool) -> Step {
        guard let transaction = finishing else { return unexpected(.end) }
        let result = judged(reply, at: .end)
        guard result.verdict != .unknown else {
            // The server has seen content and may repeat it: its text is for this row alone, not for the next one or the
            // route.
            let what = "unexpected answer to the message's end"
            return lost(.protocolError(what), detailAtEnd: "\(what): \(result.detail)")
        }
        finishing = nil
        if result.verdict == .accepted {
            hasCarried = true
            learn(end: reply)
        }
        return Step(rest(more: more), ended: transaction.ended(result))
    }

    /// Opens the window after a message that was taken, if the server's answers to it can be told apart.
    private mutating func learn(end: Reply) {
        guard let window = wantedWindow, let mail = yeses.mail, let recipient = yeses.recipient else { return }
        wantedWindow = nil
        yeses = (nil, nil)
        guard let style = AnswerStyle(mail: mail, recipient: recipient, end: end) else { return }
        chunks = ChunkFlow(
            facts,
            window: window,
            style: style,
            messagesPerConnection: messagesPerConnection,
            begun: begun
        )
        chunks?.isLeaving = isLeaving
        chunks?.mayTransmit = mayTransmit
    }
}
