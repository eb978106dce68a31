import Core

/// A way to say who we are (RFC 4422), by the name that servers offer it under.
public enum Mechanism: String, CaseIterable, Hashable, Sendable {
    /// By the client's certificate: RFC 4422 appendix A.
    case external = "EXTERNAL"
    /// The password never leaves, and the server proves that it knows it: RFC 5802, RFC 7677.
    case scramSHA256 = "SCRAM-SHA-256"
    /// An OAuth 2.0 token: RFC 7628.
    case oauthBearer = "OAUTHBEARER"
    /// The same as providers had it before there was a standard.
    case xoauth2 = "XOAUTH2"
    /// User name and password in one message: RFC 4616.
    case plain = "PLAIN"
    /// The same in two: never standardised, widely the only one.
    case login = "LOGIN"
}

extension RouteSettings.Credentials {
    /// What these credentials can be presented by, strongest first.
    var possible: [Mechanism] {
        switch secret {
        case .certificate: [.external]
        case .token: [.oauthBearer, .xoauth2]
        case .password(let password):
            SCRAM.canCarry(username) && SCRAM.canCarry(password.exposed)
                ? [.scramSHA256, .plain, .login] : [.plain, .login]
        }
    }
}

extension RouteSettings.Credentials {
    /// Why the credentials cannot be presented in the only way that is wanted; `nil` if they can.
    public var problem: String? {
        guard let mechanism, !possible.contains(mechanism) else { return nil }
        if mechanism == .scramSHA256, case .password = secret {
            return
                "SCRAM-SHA-256 needs a user name and a password of printable ASCII; letters beyond it would have to be"
                + " prepared (RFC 4013), which is not done"
        }
        return "\(mechanism.rawValue) does not go with what the route has to show"
    }
}
