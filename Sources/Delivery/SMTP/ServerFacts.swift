import Core

/// What is known of the server at the other end, and what every attempt's result says of it.
struct ServerFacts: Sendable {
    /// What it offers inside TLS.
    let capabilities: Capabilities
    /// The verified session.
    let tls: TLSEvidence
    /// Its host name.
    let server: String
    /// What RCPT says about notices, with a space before it; empty where DSN is not offered.
    let notifyParameter: String

    init(_ capabilities: Capabilities, tls: TLSEvidence, settings: RouteSettings) {
        self.capabilities = capabilities
        self.tls = tls
        server = settings.host
        notifyParameter = capabilities.dsn ? " NOTIFY=\(settings.notify.parameter)" : ""
    }

    /// A result by a reply's word, without the addresses given.
    func judged(
        _ reply: Reply,
        at stage: Stage,
        hiding address: Address?,
        and other: Address? = nil
    ) -> AttemptResult {
        let judgement = Judgement(reply, at: stage)
        return AttemptResult(
            judgement.verdict,
            reason: judgement.reason,
            detail: reply.detail(hiding: address, and: other),
            server: server,
            tls: tls,
            code: reply.code,
            slowDown: judgement.slowDown
        )
    }

    /// A result by our own word.
    func result(_ verdict: AttemptResult.Verdict, _ reason: Reason, _ detail: String) -> AttemptResult {
        AttemptResult(verdict, reason: reason, detail: detail, server: server, tls: tls)
    }

    /// How a message ends that cannot go to such a server; `nil` if it can.
    func obstacle(to message: OutgoingMessage) -> Step.Ending? {
        guard let (reason, detail) = message.obstacle(capabilities) else { return nil }
        return Step.Ending(ticket: message.ticket, result: result(.refused, reason, detail))
    }
}
