import Core

/// The TLS evidence in words.
enum TLSSentence {
    /// What was seen of all sent messages' sessions, in one or two sentences.
    static func text(_ totals: OutcomeTotals) -> String {
        let sent = totals[.sent]
        let subject = sent == 1 ? "The message" : "Each of the \(grouped(sent)) messages"
        let relayed = totals.sent { $0.scope.rawValue }.map(\.name)
        let reach: String
        switch relayed {
        case [TLSScope.mx.rawValue]: reach = "to the recipient's own mail server"
        case [TLSScope.relay.rawValue]: reach = "to the mail relay"
        default: reach = "to the mail relay or to the recipient's own mail server"
        }
        let end =
            relayed.contains(TLSScope.relay.rawValue)
            ? " From the relay on, its operator answers for the message." : ""
        return
            "\(subject) went \(reach) over an encrypted connection, and the server's identity was checked before anything "
            + "was sent.\(end)"
    }

    /// `TLS 1.3` for OpenSSL's `TLSv1.3`.
    static func title(ofProtocol name: String) -> String {
        name.hasPrefix("TLSv") ? "TLS " + name.dropFirst(4) : name
    }

    /// How the server was known, in words.
    static func title(of verification: TLSVerification) -> String {
        switch verification {
        case .pkix: "public certificate authority"
        case .pinned: "the site's own certificate authority"
        case .dane: "DANE, the domain's signed records"
        case .mtaSTS: "MTA-STS, the domain's policy"
        }
    }
}
