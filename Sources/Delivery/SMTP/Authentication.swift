import Core
import NIOCore
import OpenSSL

/// One conversation that proves who we are (RFC 4954), inside TLS only.
///
/// Challenges go in, answers or a cancellation come out. Credentials are tried once: whatever is odd ends the conversation.
struct Authentication: Sendable {
    /// The longest Base64 text of a challenge or an answer: RFC 4954 section 4.
    static let longestText = 12_288
    /// The longest command line, its end included: RFC 5321 section 4.5.3.1.4.
    ///
    /// A longer initial response has to wait for a challenge.
    static let longestCommand = 512

    /// Why there can be no conversation.
    struct Impossible: Error {
        var detail: String
    }

    private enum Exchange {
        /// One message is all there is.
        case single
        case login(username: [UInt8], password: [UInt8], step: Int)
        case scram(SCRAM)
        /// One message; a challenge behind it carries an error and is answered with that.
        case bearer(errorAnswer: [UInt8])
    }

    /// The mechanism that was chosen.
    let mechanism: Mechanism
    /// What is sent first; `nil` when it is out, or where the server speaks first.
    private var initial: [UInt8]?
    private var exchange: Exchange
    /// Why the conversation was cancelled; the server's answer to that says nothing.
    private var fault: String?
    private var isRefusedByChallenge = false
    /// What a server's answer must not repeat, longest first: one may stand in another.
    private let secrets: [[UInt8]]

    /// Chooses the mechanism: the one that the credentials name, or the strongest that the server offers.
    ///
    /// - Parameters:
    ///   - credentials: What we have.
    ///   - token: The token, where it is one that proves us.
    ///   - settings: Where to; OAUTHBEARER says it, too.
    ///   - offered: What the server offers, inside TLS.
    init(
        _ credentials: RouteSettings.Credentials,
        token: AccessToken?,
        settings: RouteSettings,
        offered: Capabilities
    ) throws(Impossible) {
        mechanism = try Self.choose(credentials, offered)
        var secret: [UInt8] = []
        let name = Array(credentials.username.utf8)
        switch (mechanism, credentials.secret) {
        case (.plain, .password(let password)):
            let password = Array(password.exposed.utf8)
            initial = [0] + name + [0] + password
            exchange = .single
            secret = password
        case (.login, .password(let password)):
            let password = Array(password.exposed.utf8)
            exchange = .login(username: name, password: password, step: 0)
            secret = password
        case (.scramSHA256, .password(let password)):
            let scram = SCRAM(
                username: credentials.username,
                password: password.exposed,
                nonce: credentials.nonce ?? Base64.encode(Random.bytes(24)),
                keys: credentials.keys
            )
            initial = scram.firstMessage
            exchange = .scram(scram)
        case (.oauthBearer, .token):
            guard let token else { throw Impossible(detail: "there is no token") }
            let to = "host=\(settings.host)\u{1}port=\(settings.port)"
            let who = credentials.username.isEmpty ? "n,," : "n,a=\(SCRAM.escaped(credentials.username)),"
            initial = Array("\(who)\u{1}\(to)\u{1}auth=Bearer \(token.text.exposed)\u{1}\u{1}".utf8)
            exchange = .bearer(errorAnswer: [1])
            secret = Array(token.text.exposed.utf8)
        case (.xoauth2, .token):
            guard let token else { throw Impossible(detail: "there is no token") }
            initial = Array("user=\(credentials.username)\u{1}auth=Bearer \(token.text.exposed)\u{1}\u{1}".utf8)
            exchange = .bearer(errorAnswer: [])
            secret = Array(token.text.exposed.utf8)
        case (.external, .certificate):
            guard settings.clientCertificate != nil else {
                throw Impossible(detail: "AUTH EXTERNAL needs a client certificate")
            }
            initial = name
            exchange = .single
        default:
            throw Impossible(detail: "AUTH \(mechanism.rawValue) does not go with what the route has to show")
        }
        secrets = [secret, Array(Base64.encode(secret).utf8), Array(Base64.encode(initial ?? []).utf8)]
            .filter { $0.count >= 4 }.sorted { $0.count > $1.count }
        guard (initial?.count ?? 0) <= Self.longestText / 4 * 3 else {
            throw Impossible(detail: "the credentials are longer than AUTH can carry")
        }
    }

    private static func choose(
        _ credentials: RouteSettings.Credentials,
        _ offered: Capabilities
    ) throws(Impossible) -> Mechanism {
        let wanted = credentials.mechanism.map { [$0] } ?? credentials.possible
        if let found = wanted.first(where: { offered.mechanisms.contains($0.rawValue) }) { return found }
        let names = wanted.map(\.rawValue).joined(separator: ", ")
        guard !offered.mechanisms.isEmpty else {
            throw Impossible(detail: "the server offers no AUTH, and the route has credentials (\(names))")
        }
        let others = offered.mechanisms.prefix(8).joined(separator: ", ")
        throw Impossible(detail: "the server offers AUTH \(others), and the route can use \(names)")
    }

    // MARK: The conversation

    /// Writes the command, with the initial response if it fits (RFC 4954 section 4).
    mutating func begin(into output: inout ByteBuffer) {
        output.writeStaticString("AUTH ")
        output.writeString(mechanism.rawValue)
        if let initial {
            // An empty response is told from none by an equals sign.
            let text = initial.isEmpty ? "=" : Base64.encode(initial)
            if "AUTH ".utf8.count + mechanism.rawValue.utf8.count + 1 + text.utf8.count + 2 <= Self.longestCommand {
                output.writeStaticString(" ")
                output.writeString(text)
                self.initial = nil
            }
        }
        output.writeStaticString("\r\n")
    }

    /// Writes the answer to a challenge (334), or `*`, which cancels (RFC 4954 section 4).
    ///
    /// Says whether the conversation goes on: a server that has more challenges after a cancellation is left.
    mutating func answer(_ challenge: Reply, into output: inout ByteBuffer) -> Bool {
        guard fault == nil else { return false }
        guard challenge.text.count <= Self.longestText, let message = Base64.decode(challenge.text) else {
            cancel("the server's challenge is no Base64 text, or longer than it may be", into: &output)
            return true
        }
        if let initial {
            guard message.isEmpty else {
                cancel("the server's first challenge is not empty, as \(mechanism.rawValue) wants it", into: &output)
                return true
            }
            self.initial = nil
            output.writeLine(base64: initial)
            return true
        }
        switch exchange {
        case .login(let username, let password, let step) where step < 2:
            exchange = .login(username: username, password: password, step: step + 1)
            output.writeLine(base64: step == 0 ? username : password)
        case .scram(var scram):
            do throws(SCRAM.Fault) {
                output.writeLine(base64: try scram.answer(to: message))
                exchange = .scram(scram)
            } catch {
                cancel(error.rawValue, into: &output)
            }
        case .bearer(let errorAnswer) where !isRefusedByChallenge:
            // The refusal itself follows (RFC 7628 section 3.2.3).
            isRefusedByChallenge = true
            output.writeLine(base64: errorAnswer)
        case .login, .bearer, .single:
            cancel("the server challenges where \(mechanism.rawValue) has nothing more to say", into: &output)
        }
        return true
    }

    private mutating func cancel(_ fault: String, into output: inout ByteBuffer) {
        self.fault = fault
        output.writeStaticString("*\r\n")
    }

    // MARK: Its end

    /// What a "yes" (235) is worth: `nil` if we are in, else why not.
    var objectionToAcceptance: ConnectionEnd? {
        if let fault { return refused(fault) }
        if case .scram(let scram) = exchange, !scram.isServerProven { return refused(SCRAM.Fault.signature.rawValue) }
        if isRefusedByChallenge { return refused("the server refused the token, and then took it") }
        // A server that asked for less than all cannot know who we are.
        if initial != nil { return refused("the server said yes before it was told anything") }
        if case .login(_, _, let step) = exchange, step < 2 {
            return refused("the server said yes before it was told anything")
        }
        return nil
    }

    /// What any other final answer means.
    ///
    /// 4yz is a server that cannot check right now; every other answer is a no, and asking again could lock the account.
    func end(_ reply: Reply) -> ConnectionEnd {
        if let fault { return refused(fault) }
        let reply = withoutSecrets(reply)
        guard reply.severity != 4 else { return ConnectionEnd(reply, at: .authentication) }
        var end = refused(reply.detail(hiding: nil))
        if case .bearer = exchange { end.refusesToken = reply.code == 535 || isRefusedByChallenge }
        return end
    }

    /// What the end of the connection within the conversation means: some servers say no like that.
    ///
    /// So it is not tried for ever: the route stops when the next connection ends in the same way.
    func lost(_ loss: Loss) -> ConnectionEnd {
        if let fault { return refused(fault) }
        return ConnectionEnd(kind: .refused, reason: loss.reason, detail: loss.detail(at: .authentication))
    }

    /// More answers than one: which of them is meant cannot be known.
    var confused: ConnectionEnd {
        let detail = "the server answered more than it was asked"
        return ConnectionEnd(kind: .refused, reason: .protocolError, detail: fault ?? detail)
    }

    /// A server whose challenges never end.
    var endless: ConnectionEnd { refused(fault ?? "the server's challenges do not end") }

    private func refused(_ detail: String) -> ConnectionEnd {
        ConnectionEnd(kind: .authentication, reason: .authentication, detail: detail)
    }

    /// The reply without what we said, which servers like to repeat.
    private func withoutSecrets(_ reply: Reply) -> Reply {
        var reply = reply
        for secret in secrets { reply.text.replace(secret, with: Array("<hidden>".utf8)) }
        return reply
    }
}

extension ByteBuffer {
    fileprivate mutating func writeLine(base64 bytes: [UInt8]) {
        writeString(Base64.encode(bytes))
        writeStaticString("\r\n")
    }
}
