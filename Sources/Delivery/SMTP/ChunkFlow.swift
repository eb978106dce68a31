import Core
import DequeModule
import NIOCore

/// Mail by CHUNKING (RFC 3030), with a window: several messages are on their way before the first is answered.
///
/// As soon as the ledger holds that a row is being tried, its message goes out in one write: `RSET`, `MAIL`, `RCPT`,
/// `BDAT n LAST` and the content. Answers are matched to commands in order, each to its own message.
///
/// - RSET goes before each MAIL. What a server does after it refused a transaction's RCPT or BDAT is open until it was reset
///   (RFC 3030 section 2 calls the state indeterminate, RFC 5321 section 4.1.4 allows 503 to a nested MAIL), and whether it
///   refuses is not known when the next message goes out. RSET may stand anywhere in a pipelined group (RFC 2920 section 3.1), leaves
///   nothing open and is answered in order.
/// - A message's fate is what its own answers say. Where the line is cut, the server leaves, or answers make no sense,
///   every message that is wholly out and not answered is unknown; one that is not out is given back.
/// - After a rest, RSET goes first and alone: a server that closed the connection meanwhile would otherwise get a message
///   whose fate nobody knows.
/// - A refused RCPT decides, since there is no other recipient. Where the message's end is taken all the same, the server
///   has said both, and the row is unknown.
/// - 421 ends the taking of messages, not the listening: answers that still come are the rows' own. So does a MAIL that
///   is refused for now, which may be about the connection: rows are given back, and QUIT follows.
struct ChunkFlow: ~Copyable {
    /// What is being waited for.
    enum Awaited: Hashable, Sendable {
        case reset
        case mail
        case recipient
        case end

        var stage: Stage {
            switch self {
            case .reset: .reset
            case .mail: .mail
            case .recipient: .recipient
            case .end: .end
            }
        }
    }

    let facts: ServerFacts
    let window: Int
    let messagesPerConnection: Int
    private var style: AnswerStyle
    private var begun: Int
    /// Commands sent and not answered, oldest first.
    var awaited: Deque<Awaited> = []
    /// Messages that wait for the ledger's word; nothing of them is out.
    var noted: Deque<Flight> = []
    /// Messages whose commands are out, oldest first; only the last one's content may not be all out.
    var flying: Deque<Flight> = []
    /// Asked in the step that writes content whether it may go out.
    var mayTransmit: () -> Bool = { true }
    /// No further message is wanted.
    var isLeaving = false
    /// After a rest, RSET is out alone; nothing else goes before it was answered.
    var isProbing = false
    /// How the connection ends as soon as what is out was answered.
    var farewell: ConnectionEnd?
    /// The server has said 421, and may not say more.
    var isServerLeaving = false
    /// Octets written since all that was written was known to have left this process.
    private var unflushed = 0
    private var isFlushing = false

    /// Takes over from DATA once the server has shown how it says yes; so many messages were begun before.
    init(_ facts: ServerFacts, window: Int, style: AnswerStyle, messagesPerConnection: Int, begun: Int) {
        self.facts = facts
        self.window = window
        self.style = style
        self.messagesPerConnection = messagesPerConnection
        self.begun = begun
        awaited.reserveCapacity(4 * window)
        noted.reserveCapacity(window)
        flying.reserveCapacity(window)
    }

    /// Whether nothing is under way.
    var isIdle: Bool {
        noted.isEmpty && flying.isEmpty
    }

    /// Which answer is awaited, and how much content is on its way before it.
    var waiting: (stage: Stage, octets: Int)? {
        if isProbing { return (.reset, 0) }
        guard let first = awaited.first, let flight = flying.first else { return nil }
        if isServerLeaving { return (.quit, 0) }
        guard first == .end else { return (first.stage, 0) }
        return (flight.isWhole ? .end : .content, flight.octets)
    }

    /// Whether another message may be begun now.
    ///
    /// Not while much waits to leave: what is rendered and cannot go out is memory.
    var canTake: Bool {
        !isExhausted && farewell == nil && !isFlushing && noted.count + flying.count < window
    }

    /// Whether no further message will be begun.
    var isExhausted: Bool {
        isLeaving || begun >= messagesPerConnection
    }

    // MARK: Events

    /// Takes a message, whose row is to be noted first; or says at once why it cannot go.
    ///
    /// After a rest the connection is probed meanwhile.
    mutating func begin(_ message: OutgoingMessage, isRested: Bool, into output: inout ByteBuffer) -> Step {
        var message = message
        message.content = DotStuffer.canonical(message.content)
        if let ending = facts.obstacle(to: message) { return next(more: false, ending) }
        if isRested, isIdle {
            output.writeStaticString("RSET\r\n")
            isProbing = true
        }
        begun += 1
        noted.append(Flight(message))
        return Step(canTake ? .ask : .wait, announced: message.ticket)
    }

    /// Takes the ledger's word about a message.
    mutating func durable(_ ticket: Ticket, _ isDurable: Bool, into output: inout ByteBuffer) -> Step {
        guard let index = noted.firstIndex(where: { $0.message.ticket == ticket }) else { return Step(.wait) }
        guard isDurable, mayTransmit() else {
            let end: ConnectionEnd = isDurable ? .rightHasRunOut : .rowNotTaken
            farewell = farewell ?? end
            let flight = noted.remove(at: index)
            return next(more: false, flight.ended(facts.result(.notTried, .stopped, end.detail)))
        }
        noted[index].isDurable = true
        return Step(write(into: &output))
    }

    /// Takes the news that all that was written has left this process.
    mutating func flushed(into output: inout ByteBuffer) -> Step {
        guard isFlushing else { return Step(.wait) }
        isFlushing = false
        unflushed = 0
        guard mayTransmit() else {
            // Without its end, no server takes a message; those that are out are answered yet.
            if flying.last?.isWhole ?? false { farewell = farewell ?? .rightHasRunOut }
            return farewell == nil ? close(.rightHasRunOut) : Step(.wait)
        }
        if let last = flying.indices.last, !flying[last].isWhole, !flying[last].isGivenUp {
            unflushed = flying[last].write(limit: MailFlow.piece, into: &output)
            isFlushing = !flying[last].isWhole
        }
        let then = write(into: &output)
        return Step(then == .wait && canTake ? .ask : then)
    }

    /// Takes a reply; `more` says that further bytes came with it.
    mutating func received(_ reply: Reply, more: Bool, into output: inout ByteBuffer) -> Step {
        if isProbing, reply.code == 250, !more {
            isProbing = false
            guard noted.isEmpty || mayTransmit() else { return close(.rightHasRunOut) }
            let then = write(into: &output)
            return Step(isIdle && isExhausted ? .leave : then)
        }
        guard !flying.isEmpty, let asked = awaited.popFirst() else { return receivedUnasked(reply) }
        if reply.code == 421, !isServerLeaving {
            isServerLeaving = true
            // A server that has seen content may repeat it, and this sentence is the route's, not the row's.
            farewell = ConnectionEnd(kind: .lost, reason: .serverBusy, detail: "the server left (421)")
        }
        switch asked {
        case .reset:
            if reply.code == 421 { return Step(.wait) }
            guard reply.code == 250 else { return close(.protocolError("unexpected answer to RSET")) }
            style.note(reset: reply)
            return Step(.wait)
        case .mail where reply.isPerhapsOfConnection: return leaveFull()
        case .mail, .recipient: return receivedEnvelope(reply, asked)
        case .end: return receivedEnd(reply, more: more)
        }
    }

    // MARK: Answers

    private mutating func receivedEnvelope(_ reply: Reply, _ asked: Awaited) -> Step {
        flying[0].isAnswered = true
        let isTaken = asked == .mail ? reply.code == 250 : (250...252).contains(reply.code)
        if isTaken {
            return style.fits(reply, asked.stage) ? Step(.wait) : close(.outOfStep)
        }
        guard reply.severity >= 4 else { return close(.protocolError("unexpected answer to \(asked.stage.rawValue)")) }
        var refusal = judged(reply, at: asked.stage)
        if asked == .mail, refusal.verdict == .refused, refusal.reason == .authentication {
            // It is about us, not about the row; those behind it will hear the same. The server has seen content, whose
            // words are not for the route's sentence.
            let detail = ConnectionEnd.wantsLogin(reply)
            farewell = ConnectionEnd(kind: .authentication, reason: .authentication, detail: detail)
            refusal.verdict = .notTried
        }
        if flying[0].refusal == nil { flying[0].refusal = refusal }
        return Step(.wait)
    }

    /// The connection takes no more messages, as it seems; a message was taken on it, or there would be no window.
    private mutating func leaveFull() -> Step {
        isLeaving = true
        let result = facts.result(.notTried, .serverBusy, "the server takes no more messages on this connection")
        flying[0].isAnswered = true
        flying[0].refusal = result
        var endings = Step.Endings()
        for flight in noted { endings.append(flight.ended(result)) }
        noted.removeAll()
        return Step(.wait, endings)
    }

    private mutating func receivedEnd(_ reply: Reply, more: Bool) -> Step {
        let result = judged(reply, at: .end)
        let refusal = flying[0].refusal
        guard flying[0].isWhole else {
            // A refusal ahead of the content's end can be believed, but the octets announced are still owed.
            guard result.verdict != .accepted, result.verdict != .unknown else {
                return close(.protocolError("an answer came too early"))
            }
            let ended = flying.removeFirst().ended(refusal ?? result)
            let detail = "the server refused ahead of the message (\(reply.code))"
            return close(farewell ?? ConnectionEnd(kind: .lost, reason: result.reason, detail: detail), ended: ended)
        }
        switch result.verdict {
        case .accepted where refusal == nil:
            guard style.fits(reply, .end) else { return close(.outOfStep) }
            return next(more: more, flying.removeFirst().ended(result))
        case .refused, .deferred:
            return next(more: more, flying.removeFirst().ended(refusal ?? result))
        default:
            // Taken though its recipient was refused, or neither yes nor no: nobody knows.
            flying[0].refusal = nil
            return close(.protocolError("unexpected answer to the message's end"))
        }
    }

    // MARK: Writing

    /// Writes what may go, until enough is on its way to wait for it to leave.
    private mutating func write(into output: inout ByteBuffer) -> Step.Then {
        while !isFlushing, !isProbing, farewell == nil, let index = noted.firstIndex(where: \.isDurable) {
            var flight = noted.remove(at: index)
            output.reserveCapacity(minimumWritableBytes: min(flight.octets, MailFlow.piece) + 512)
            output.writeStaticString("RSET\r\n")
            output.writeMail(flight.message, facts)
            output.writeRecipient(flight.message, facts)
            output.writeChunkCommand(octets: flight.octets)
            awaited.append(.reset)
            awaited.append(.mail)
            awaited.append(.recipient)
            awaited.append(.end)
            unflushed += flight.write(limit: MailFlow.piece, into: &output)
            isFlushing = !flight.isWhole || unflushed >= MailFlow.piece
            flying.append(flight)
        }
        return isFlushing ? .flush : .wait
    }
}
