import Core
import DequeModule

/// How attempts and the connection end.
extension ChunkFlow {
    /// What comes next when nothing in particular does.
    mutating func next(more: Bool, _ ended: Step.Ending) -> Step {
        if let farewell, flying.first?.isGivenUp ?? true { return close(farewell, ended: ended) }
        if more, awaited.isEmpty {
            return close(.protocolError("the server answered more than it was asked"), ended: ended)
        }
        if canTake { return Step(.ask, ended: ended) }
        return Step(isIdle && isExhausted ? .leave : .wait, ended: ended)
    }

    mutating func receivedUnasked(_ reply: Reply) -> Step {
        // Its text could be about any row before, so it is not repeated.
        guard reply.code == 421 else { return close(.protocolError("an answer nobody asked for")) }
        return close(ConnectionEnd(kind: .lost, reason: .serverBusy, detail: "the server left (421)"))
    }

    /// Takes the end of a connection that cannot go on.
    mutating func lost(_ loss: Loss) -> Step {
        let end = ConnectionEnd(kind: .lost, reason: loss.reason, detail: loss.detail(at: waiting?.stage))
        let detail = isServerLeaving ? "the server left (421) without an answer" : loss.detail(at: .end)
        return close(farewell ?? end, reasonAtEnd: loss.reasonAtEnd, detailAtEnd: detail)
    }

    /// Finishes what is under way, then leaves.
    mutating func drain() -> Step {
        isLeaving = true
        return Step(isIdle ? .leave : .wait)
    }

    /// Stops at once: gives back what is not wholly out, and waits only for answers to what is.
    mutating func stop() -> Step {
        isLeaving = true
        let givenBack = facts.result(.notTried, .stopped, "stopped before the message's end")
        var endings = Step.Endings()
        if let last = flying.indices.last, !flying[last].isWhole, !flying[last].isGivenUp {
            endings.append(flying[last].ended(givenBack))
            flying[last].isGivenUp = true
            // The octets announced will not come, so there is no way to say goodbye.
            farewell = farewell ?? .goodbye
        }
        for flight in noted { endings.append(flight.ended(givenBack)) }
        noted.removeAll()
        guard let first = flying.first else { return Step(.leave, endings) }
        return Step(first.isGivenUp ? .close(.goodbye) : .wait, endings)
    }

    /// Gives back messages that are not wholly out, and leaves; stays as it is if there is none.
    mutating func recall() -> Step {
        let isBetween = flying.last.map { !$0.isWhole && !$0.isGivenUp } ?? false
        return isBetween || !noted.isEmpty ? stop() : Step(.wait)
    }

    /// Closes: each message that is out ends as its own answers say, and what is not out is given back.
    mutating func close(
        _ end: ConnectionEnd,
        reasonAtEnd: Reason? = nil,
        detailAtEnd: String? = nil,
        ended: Step.Ending? = nil
    ) -> Step {
        var endings = Step.Endings(ended)
        for flight in flying where !flight.isGivenUp {
            let result: AttemptResult
            if let refusal = flight.refusal {
                result = refusal
            } else if flight.isWhole {
                result = facts.result(.unknown, reasonAtEnd ?? end.reason, detailAtEnd ?? end.detail)
            } else {
                // Without its end no server takes a message; and a used connection may be lost for no fault of the row.
                result = facts.result(flight.isAnswered ? .deferred : .notTried, end.reason, end.detail)
            }
            endings.append(flight.ended(result))
        }
        for flight in noted { endings.append(flight.ended(facts.result(.notTried, end.reason, end.detail))) }
        flying.removeAll()
        noted.removeAll()
        awaited.removeAll()
        return Step(.close(end), endings)
    }

    /// A result by a reply's word, without the row's address.
    ///
    /// A refusal may name other rows' addresses too, if the server has mixed them up.
    func judged(_ reply: Reply, at stage: Stage) -> AttemptResult {
        var result = facts.judged(reply, at: stage, hiding: flying.first?.message.recipient)
        if result.verdict != .accepted, flying.count > 1 {
            result.detail = reply.detail(hiding: flying.map(\.message.recipient))
        }
        return result
    }
}

extension ConnectionEnd {
    /// An answer came that cannot belong to the command whose turn it is.
    static let outOfStep = ConnectionEnd.protocolError("the server's answers are out of step")
}
