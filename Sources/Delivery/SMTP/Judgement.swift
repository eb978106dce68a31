import Core

/// What a reply means for the row: the one place where permanent, temporary and unknown are told apart.
///
/// The reply code's first digit decides the verdict, whatever an enhanced code or a text says (RFC 3463 section 2):
///
/// | code | before the message's end | at the message's end |
/// | --- | --- | --- |
/// | 250 | (not asked) | accepted |
/// | other 2yz, 3yz | deferred, `protocol-error` | unknown, `protocol-error` |
/// | 4yz | deferred | deferred |
/// | 5yz | refused | refused |
///
/// The reason is found in this order:
///
/// 1. 530, 534, 535, 538 and 432 are `authentication`.
/// 2. The enhanced code (IANA registry, and what large providers add to it), if its class is the reply code's.
/// 3. The text, where there is no enhanced code, or one that servers use for many things: ``TextClue``.
/// 4. The reply code and the stage.
///
/// | enhanced code | reason |
/// | --- | --- |
/// | x.1.0 to x.1.6, x.1.9 and others: at MAIL | sender-refused |
/// | the same later, x.1.10, 5.4.1 (RCPT, Microsoft 365), 5.4.4, x.7.17 to x.7.19 | mailbox-unknown |
/// | x.1.7, x.1.8, x.7.27 (null MX), 5.2.252, 5.7.60 (Microsoft 365: not allowed to send as) | sender-refused |
/// | 5.2.1, 5.2.0 (RCPT), 5.7.13 (RCPT and later) | mailbox-disabled |
/// | x.2.2 | mailbox-full |
/// | x.2.3, x.3.4, x.7.16 | message-too-large |
/// | 4.y.z where nothing else is said; x.4.5; 4.7.28; 4.7.500 to 4.7.699 (Microsoft) | server-busy |
/// | x.6.7 to x.6.10 | smtputf8-missing |
/// | other x.6.y | content-refused |
/// | x.7.8, x.7.9, x.7.11 to x.7.14 at AUTH; without x.7.9 at MAIL; 5.7.57 | authentication |
/// | x.7.20 to x.7.24, x.7.26, x.7.29, x.7.31, x.7.32; x.7.27 for SPF and x.7.30 for DKIM (Gmail); 5.7.509, 5.7.515 (Microsoft) | sender-unauthenticated |
/// | 5.7.25 (no reverse DNS), 5.7.501 to 5.7.503, 5.7.511, 5.7.606 to 5.7.649, 5.7.708, 5.7.750 (Microsoft) | sender-blocked |
/// | 5.7.54, 5.7.64 (Microsoft 365) | relay-denied |
/// | x.7.30 (RFC 8689) | requiretls-missing |
/// | other 5.7.y | policy-refused |
/// | other 5.y.z | refused |
///
/// | code | reason | | code | reason |
/// | --- | --- | --- | --- | --- |
/// | 4yz | server-busy | | 552 (RCPT) | mailbox-full |
/// | 550, 553 (MAIL) | sender-refused | | 552 (others), 523 | message-too-large |
/// | 550, 553 (RCPT), 551, 556 | mailbox-unknown | | 554 (end), 541 | content-refused |
/// | 550 (later), 57y, 521, 554 (MAIL) | policy-refused | | others | refused |
///
/// A word about a mailbox is never said of a conversation that has named none: before RCPT it is `server-busy` or `refused`.
struct Judgement: Hashable, Sendable {
    /// Delivered, refused, later, or unknown.
    var verdict: AttemptResult.Verdict
    /// Why.
    var reason: Reason
    /// Whether the server asks to be left alone for a while, and on whose behalf.
    var slowDown: AttemptResult.SlowDown

    /// Judges a reply that ends an attempt at a stage.
    init(_ reply: Reply, at stage: Stage) {
        switch reply.severity {
        case 2 where reply.code == 250 && stage == .end:
            self.init(.accepted, .none)
        case 4:
            let text = TextClue.Text(reply)
            self.init(.deferred, Self.reason(reply, text, at: stage), slow: Self.slowDown(reply, text, at: stage))
        case 5:
            self.init(.refused, Self.reason(reply, TextClue.Text(reply), at: stage))
        default:
            self.init(stage == .end ? .unknown : .deferred, .protocolError)
        }
    }

    private init(_ verdict: AttemptResult.Verdict, _ reason: Reason, slow: AttemptResult.SlowDown = .nobody) {
        self.verdict = verdict
        self.reason = reason
        self.slowDown = slow
    }

    /// 4.4.2 is how servers part from a connection that was silent for too long, which asks for nothing.
    ///
    /// A relay's own limit, told in words alone, is the route's at whatever stage it shows.
    private static func slowDown(
        _ reply: Reply,
        _ text: TextClue.Text,
        at stage: Stage
    ) -> AttemptResult.SlowDown {
        let status = reply.enhanced
        if reply.code == 421 { return status?.subject == 4 && status?.detail == 2 ? .nobody : .route }
        guard status?.subject == 7 else { return text.asksToSlowDown ? .route : .nobody }
        switch stage {
        case .recipient, .data, .content, .end: return .recipientDomain
        default: return .route
        }
    }

    private static func reason(_ reply: Reply, _ text: TextClue.Text, at stage: Stage) -> Reason {
        let isTemporary = reply.severity == 4
        let found = anyReason(reply, text, at: stage)
        let isAboutMailbox = [.mailboxUnknown, .mailboxDisabled, .mailboxFull].contains(found)
        let hasMailbox = [.recipient, .data, .content, .end].contains(stage)
        return isAboutMailbox && !hasMailbox ? isTemporary ? .serverBusy : .refused : found
    }

    private static func anyReason(_ reply: Reply, _ text: TextClue.Text, at stage: Stage) -> Reason {
        if [530, 534, 535, 538, 432].contains(reply.code) { return .authentication }
        guard let status = reply.enhanced else {
            return text.reason(at: stage, severity: reply.severity) ?? reason(code: reply.code, at: stage)
        }
        if status.isVague, let reason = text.reason(at: stage, severity: reply.severity) { return reason }
        if status.subject == 7 { return policy(status, text, at: stage) }
        return reason(status, reply.code, at: stage)
    }

    // MARK: Codes

    private static func reason(_ status: EnhancedStatus, _ code: Int, at stage: Stage) -> Reason {
        let isTemporary = status.severity == 4
        switch (status.subject, status.detail) {
        case (1, 7), (1, 8), (2, 252): return .senderRefused
        case (1, 0) where isTemporary && stage == .mail: return .serverBusy
        case (1, _): return stage == .mail ? .senderRefused : .mailboxUnknown
        case (4, 1) where !isTemporary && stage == .recipient, (4, 4) where !isTemporary: return .mailboxUnknown
        case (2, 2): return .mailboxFull
        case (2, 3), (3, 4): return .messageTooLarge
        case (2, 1) where !isTemporary: return code == 521 ? .policyRefused : .mailboxDisabled
        case (2, 0) where !isTemporary && stage == .recipient: return .mailboxDisabled
        case (4, 5): return .serverBusy
        case (6, 7...10): return .smtputf8Missing
        case (6, _): return .contentRefused
        default: return isTemporary ? .serverBusy : .refused
        }
    }

    /// x.7.y: what everybody uses for everything, so that some are told apart by a word.
    private static func policy(_ status: EnhancedStatus, _ text: TextClue.Text, at stage: Stage) -> Reason {
        let isTemporary = status.severity == 4
        switch status.detail {
        case 17...19: return .mailboxUnknown
        case 16: return .messageTooLarge
        case 8 where isAboutUs(stage), 11...14 where isAboutUs(stage), 9 where stage == .authentication, 57:
            return .authentication
        case 13 where !isTemporary: return .mailboxDisabled
        case 27: return text.has("spf") ? .senderUnauthenticated : .senderRefused
        case 30: return text.has("dkim") ? .senderUnauthenticated : .requireTLSMissing
        case 20...24, 26, 29, 31, 32, 509, 515: return .senderUnauthenticated
        case _ where isTemporary: return .serverBusy
        case 25, 501...503, 511, 606...649, 708, 750: return .senderBlocked
        case 54, 64: return .relayDenied
        case 60: return .senderRefused
        default: return .policyRefused
        }
    }

    /// Whether a refusal is about who we are: later than MAIL, the same codes are used for other things.
    private static func isAboutUs(_ stage: Stage) -> Bool {
        stage == .authentication || stage == .mail
    }

    private static func reason(code: Int, at stage: Stage) -> Reason {
        switch (code, stage) {
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

extension EnhancedStatus {
    /// Whether servers use it for so many things that the text says more.
    fileprivate var isVague: Bool {
        switch (subject, detail) {
        case (0, _), (2, 0), (2, 1), (3, 0), (5, 0), (7, 0), (7, 1), (7, 2), (7, 9): true
        default: false
        }
    }
}

extension Reply {
    /// Whether a refusal of MAIL may be about a connection that has carried messages rather than about the row.
    ///
    /// Some servers take so many messages on a connection without having said so, and refuse each further one for now
    /// (`452 4.5.3`). Only another connection tells. One that asks for a slower pace asks it of all connections.
    var isPerhapsOfConnection: Bool {
        severity == 4 && code != 421 && enhanced?.subject != 7 && !TextClue.Text(self).isAboutPace
    }
}
