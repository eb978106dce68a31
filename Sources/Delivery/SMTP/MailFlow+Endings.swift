import Core
import DequeModule

/// How attempts and the connection end.
extension MailFlow {
    /// What comes next when nothing in particular does.
    func rest(more: Bool) -> Step.Then {
        if isSpent { return .close(.goodbye) }
        if more, awaited.isEmpty { return .close(.protocolError("the server answered more than it was asked")) }
        if canTake { return .ask }
        guard current == nil, finishing == nil else { return .wait }
        return .leave
    }

    mutating func receivedUnasked(_ reply: Reply) -> Step {
        guard let transaction = current else {
            // Its text could be about any row before, so it is not repeated.
            guard reply.code == 421 else { return close(.protocolError("an answer nobody asked for")) }
            return close(ConnectionEnd(kind: .lost, reason: .serverBusy, detail: "the server left (421)"))
        }
        // After 354 the next word is ours. A refusal can be believed; anything else, a 250 above all, cannot.
        let result = judged(reply, at: .data)
        current = nil
        let end = result.verdict == .refused || reply.severity == 4
        let detail = end ? "the server refused ahead of the message (\(reply.code))" : "an answer came too early"
        return close(ConnectionEnd(kind: .lost, reason: result.reason, detail: detail), transaction.ended(result))
    }

    /// 421 stands for any answer, and says that the connection is over.
    mutating func serverLeaves(_ reply: Reply, instead asked: Awaited) -> Step {
        var end = ConnectionEnd(
            reply,
            at: asked.stage,
            hiding: current?.message.recipient,
            and: finishing?.message.recipient
        )
        // A server that has seen content may repeat it, and this sentence is the route's, not the row's.
        if finishing != nil { end.detail = "the server left (\(reply.code))" }
        if asked == .end, let transaction = finishing {
            let ended = transaction.ended(judged(reply, at: .end))
            finishing = nil
            return close(end, ended)
        }
        guard let transaction = current else { return close(end) }
        let isRowsOwn = asked != .reset && (asked != .mail || transaction.isFirst)
        guard isRowsOwn || transaction.refusal != nil else { return close(end) }
        let ended = transaction.ended(transaction.refusal ?? judged(reply, at: asked.stage))
        current = nil
        return close(end, ended)
    }

    mutating func unexpected(_ stage: Stage) -> Step {
        lost(.protocolError("unexpected answer to \(stage.rawValue)"), isAnswered: true)
    }

    /// Takes the end of a connection that cannot go on.
    mutating func lost(_ loss: Loss) -> Step {
        if let step = chunks?.lost(loss) { return step }
        let stage = waiting?.stage
        let end = ConnectionEnd(kind: .lost, reason: loss.reason, detail: loss.detail(at: stage))
        return lost(end, reasonAtEnd: loss.reasonAtEnd)
    }

    mutating func lost(
        _ end: ConnectionEnd,
        reasonAtEnd: Reason? = nil,
        detailAtEnd: String? = nil,
        isAnswered: Bool = false
    ) -> Step {
        let unanswered = finishing.map { transaction in
            transaction.ended(result(.unknown, reasonAtEnd ?? end.reason, detailAtEnd ?? end.detail))
        }
        // The one behind a message without an answer has nothing to do with what went wrong.
        if let transaction = current, unanswered == nil, transaction.isDurable != false,
            isAnswered || transaction.isAnswered || transaction.isFirst
        {
            current = nil
            let deferred = transaction.refusal ?? result(.deferred, end.reason, end.detail)
            return close(end, transaction.ended(deferred))
        }
        finishing = nil
        return close(end, unanswered)
    }

    /// Finishes what is under way, then leaves.
    mutating func drain() -> Step {
        if let step = chunks?.drain() { return step }
        isLeaving = true
        return Step(isIdle ? .leave : .wait)
    }

    /// Stops at once: gives back what has not sent its end, and waits only for an answer to one that has.
    mutating func stop() -> Step {
        if let step = chunks?.stop() { return step }
        isLeaving = true
        guard let transaction = current else {
            return Step(finishing == nil ? .leave : .wait)
        }
        current = nil
        let givenBack = transaction.ended(result(.notTried, .stopped, "stopped before the message's end"))
        guard finishing != nil else { return Step(.close(.goodbye), ended: givenBack) }
        isSpent = true
        awaited = [.end]
        return Step(.wait, ended: givenBack)
    }

    /// Gives back the message whose envelope is out and whose end is not, and leaves; stays as it is if there is none.
    mutating func recall() -> Step {
        if let step = chunks?.recall() { return step }
        return current == nil ? Step(.wait) : stop()
    }

    /// Closes, and gives back what has not sent its end.
    mutating func close(_ end: ConnectionEnd, _ ended: Step.Ending? = nil) -> Step {
        let givenBack = current.map { transaction in
            transaction.ended(result(.notTried, end.reason, end.detail))
        }
        current = nil
        return Step(.close(end), ended: ended, givenBack)
    }

    // MARK: Results

    /// A result by a reply's word, with the addresses of all rows under way kept out: call it while they still are.
    func judged(_ reply: Reply, at stage: Stage) -> AttemptResult {
        facts.judged(reply, at: stage, hiding: current?.message.recipient, and: finishing?.message.recipient)
    }

    func result(_ verdict: AttemptResult.Verdict, _ reason: Reason, _ detail: String) -> AttemptResult {
        facts.result(verdict, reason, detail)
    }
}

extension ConnectionEnd {
    /// What is said of a refusal for want of credentials, without the server's words.
    static func wantsLogin(_ reply: Reply) -> String {
        "the server wants other credentials for MAIL (\(reply.code))"
    }

    /// The server does not keep to SMTP.
    static func protocolError(_ detail: String) -> ConnectionEnd {
        ConnectionEnd(kind: .lost, reason: .protocolError, detail: detail)
    }

    /// The ledger cannot be written.
    static let rowNotTaken = ConnectionEnd(kind: .lost, reason: .stopped, detail: "the ledger did not take the row")

    /// We were stopped for so long that another may have taken the work over.
    static let rightHasRunOut = ConnectionEnd(kind: .lost, reason: .stopped, detail: "the right to send has run out")
}
