public import Core

/// A token of OAuth 2.0 (RFC 6750) that says who we are for a while.
public struct AccessToken: Hashable, Sendable {
    /// The token as the server gets it.
    public let text: Protected<String>
    /// Tells it from others of the same source.
    public let number: Int

    /// Names a token.
    public init(_ text: Protected<String>, number: Int) {
        self.text = text
        self.number = number
    }

    /// Whether a text can be a token: RFC 6750's characters, and short enough for a line of AUTH.
    public static func isGood(_ text: String) -> Bool {
        let body = text.utf8.reversed().drop { $0 == UInt8(ascii: "=") }
        return !body.isEmpty && text.utf8.count <= 8 * 1024
            && body.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "-._~+/".utf8.contains(byte)
            }
    }
}

/// Why there is no token now.
public struct TokenProblem: Error, Hashable, Sendable {
    /// A sentence; never the token, or what came in its place.
    public var detail: String
    /// Whether it is worth asking again later.
    public var isTemporary: Bool

    /// Describes a problem.
    public init(_ detail: String, isTemporary: Bool) {
        self.detail = detail
        self.isTemporary = isTemporary
    }
}

/// Where tokens come from: one for a route, whatever number of connections and jobs ask it.
public protocol TokenSource: Sendable {
    /// Gives a token that is good for a connection to be made now.
    ///
    /// - Parameter then: Called once, on any thread, at once or when the token is there.
    func token(then: @escaping @Sendable (Result<AccessToken, TokenProblem>) -> Void)

    /// A server refused a token; says whether the next call of ``token(then:)`` may give one that fares better.
    ///
    /// It may not if the refused one was itself new because of a refusal: then it is not the token.
    func wasRefused(_ token: AccessToken) -> Bool

    /// A server took a token.
    func wasAccepted(_ token: AccessToken)
}
