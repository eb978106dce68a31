import Core

/// What a reply means for the row: the one place where permanent, temporary and unknown are told apart.
///
/// The reply code's first digit decides the verdict, whatever an enhanced code says (RFC 3463 section 2):
///
/// | code | before the message's end | at the message's end |
/// | --- | --- | --- |
/// | 250 | (not asked) | accepted |
/// | other 2yz, 3yz | deferred, `protocol-error` | unknown, `protocol-error` |
/// | 4yz | deferred | deferred |
/// | 5yz | refused | refused |
///
/// The reason comes from the enhanced code when there is one of the same class, else from the code:
///
/// | enhanced | reason | | code | reason |
/// | --- | --- | --- | --- | --- |
/// | x.1.0 (MAIL), x.1.7, x.1.8, x.7.27 | sender-refused | | 421, 450, 451, 452, 455 | server-busy |
/// | x.1.y, 5.4.1 (RCPT), 5.4.4, x.7.17, x.7.18 | mailbox-unknown | | 432, 454, 530, 534, 535, 538 | authentication |
/// | x.2.0, x.2.1 | mailbox-disabled | | 550 (MAIL), 553 (MAIL) | sender-refused |
/// | x.2.2 | mailbox-full | | 550 (RCPT), 551, 553 (RCPT), 556 | mailbox-unknown |
/// | x.2.3, x.3.4 | message-too-large | | 550 (later) | policy-refused |
/// | 4.y.z with y = 2, 3, 4, 5, and 4.7.0, 4.7.1, 4.7.28 | server-busy | | 552 (RCPT) | mailbox-full |
/// | x.6.7 to x.6.10 | smtputf8-missing | | 552 (others), 523 | message-too-large |
/// | x.6.y | content-refused | | 554 (end), 541 | content-refused |
/// | x.7.8, x.7.9, x.7.11 to x.7.14, 5.7.0 with 530 | authentication | | 57y, 521, 554 (MAIL) | policy-refused |
/// | x.7.y | policy-refused | | others | refused |
///
/// `relay-denied` goes before both where a refusal at RCPT speaks of relaying: 550, 551, 553 or 554 without an enhanced code or with
/// x.7.0 and x.7.1, which servers use for many things.
struct Judgement: Hashable, Sendable {
    /// Delivered, refused, later, or unknown.
    var verdict: AttemptResult.Verdict
    /// Why.
    var reason: Reason
    /// Whether the server asks to be left alone for a while.
    var asksToSlowDown: Bool

    /// Judges a reply that ends an attempt at a stage.
    init(_ reply: Reply, at stage: Stage) {
        switch reply.severity {
        case 2 where reply.code == 250 && stage == .end:
            self.init(.accepted, .none)
        case 4:
            let slow = reply.code == 421 || reply.enhanced?.subject == 7
            self.init(.deferred, Self.reason(reply, at: stage), slow: slow)
        case 5:
            self.init(.refused, Self.reason(reply, at: stage))
        default:
            self.init(stage == .end ? .unknown : .deferred, .protocolError)
        }
    }

    private init(_ verdict: AttemptResult.Verdict, _ reason: Reason, slow: Bool = false) {
        self.verdict = verdict
        self.reason = reason
        self.asksToSlowDown = slow
    }

    private static func reason(_ reply: Reply, at stage: Stage) -> Reason {
        guard let status = reply.enhanced else {
            if stage == .recipient, [550, 551, 553, 554].contains(reply.code), reply.mentions("relay") {
                return .relayDenied
            }
            return reason(code: reply.code, at: stage)
        }
        if stage == .recipient, status.severity == 5, status.subject == 7, status.detail <= 1, reply.mentions("relay") {
            return .relayDenied
        }
        if reply.code == 421 { return .serverBusy }
        if reply.code == 530, status.subject == 7, status.detail == 0 { return .authentication }
        return reason(status, at: stage)
    }

    private static func reason(_ status: EnhancedStatus, at stage: Stage) -> Reason {
        let isTemporary = status.severity == 4
        switch (status.subject, status.detail) {
        case (1, 0) where stage == .mail, (1, 7), (1, 8), (7, 27): return .senderRefused
        case (1, _), (7, 17), (7, 18): return .mailboxUnknown
        case (4, 1) where !isTemporary && stage == .recipient, (4, 4) where !isTemporary: return .mailboxUnknown
        case (2, 2): return .mailboxFull
        case (2, 3), (3, 4): return .messageTooLarge
        case (2, _), (3, _), (4, _), (5, _):
            if isTemporary { return .serverBusy }
            return status.subject == 2 && status.detail <= 1 ? .mailboxDisabled : .refused
        case (6, 7...10): return .smtputf8Missing
        case (6, _): return .contentRefused
        case (7, 0), (7, 1), (7, 28): return isTemporary ? .serverBusy : .policyRefused
        case (7, 8), (7, 9), (7, 11...14): return .authentication
        case (7, _): return .policyRefused
        default: return isTemporary ? .serverBusy : .refused
        }
    }

    private static func reason(code: Int, at stage: Stage) -> Reason {
        switch (code, stage) {
        case (432, _), (454, _), (530, _), (534, _), (535, _), (538, _): .authentication
        case (400..<500, _): .serverBusy
        case (550, .mail), (553, .mail): .senderRefused
        case (550, .recipient), (553, .recipient), (551, _), (556, _): .mailboxUnknown
        case (550, _), (570...579, _), (521, _), (554, .mail): .policyRefused
        case (552, .recipient): .mailboxFull
        case (552, _), (523, _): .messageTooLarge
        case (554, .end), (541, _): .contentRefused
        default: .refused
        }
    }
}
