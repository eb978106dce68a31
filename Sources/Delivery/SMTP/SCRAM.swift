import Core
import OpenSSL
import Synchronization

/// SCRAM-SHA-256 from the client's side (RFC 5802, RFC 7677), without channel binding: it runs inside verified TLS.
///
/// The password never leaves, and the server has to show that it knows it, too.
struct SCRAM: Sendable {
    /// How many iterations a server may ask for.
    ///
    /// Fewer than 4096 make the password cheap to guess from what was said (RFC 7677 section 4); more than the bound
    /// would keep other connections waiting.
    static let iterations = 4_096...600_000

    /// What is wrong with a server's message.
    enum Fault: String, Error {
        case syntax = "the server's SCRAM message cannot be read"
        case extended = "the server's SCRAM message asks for an extension that is not known"
        case nonce = "the server's SCRAM nonce does not continue ours"
        case iterations = "the server asks for fewer than 4096 or more than 600000 SCRAM iterations"
        case signature = "the server did not prove by its SCRAM signature that it knows the password"
        case refused = "the server ended SCRAM with an error"
    }

    private enum Stage {
        case first
        case final(serverSignature: [UInt8])
        case proven
    }

    private let password: SecretBytes
    private let nonce: String
    /// The first message without its GS2 header: it goes into what is signed.
    private let bare: String
    private let keys: SCRAMKeys
    private var stage = Stage.first

    /// Starts a conversation.
    ///
    /// - Parameters:
    ///   - username: The user name; ``canCarry(_:)`` must hold for it and for the password.
    ///   - password: The password.
    ///   - nonce: Printable characters without a comma, never used before.
    ///   - keys: What was derived for these credentials before.
    init(username: String, password: String, nonce: String, keys: SCRAMKeys) {
        self.password = SecretBytes(copying: Array(password.utf8))
        self.nonce = nonce
        self.keys = keys
        bare = "n=\(Self.escaped(username)),r=\(nonce)"
    }

    /// Whether a text goes through SASLprep (RFC 4013) unchanged, as printable ASCII does.
    ///
    /// What would need it is refused: two ends that prepare a letter differently derive different keys.
    static func canCarry(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// A name as a SCRAM or GS2 attribute has it.
    static func escaped(_ name: String) -> String {
        var text = ""
        for character in name.unicodeScalars {
            switch character {
            case "=": text += "=3D"
            case ",": text += "=2C"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }

    /// Our first message.
    var firstMessage: [UInt8] {
        Array("n,,\(bare)".utf8)
    }

    /// Whether the server has proved that it knows the password.
    ///
    /// Before that, its "yes" is worth nothing.
    var isServerProven: Bool {
        if case .proven = stage { true } else { false }
    }

    /// The answer to a server's message.
    mutating func answer(to message: [UInt8]) throws(Fault) -> [UInt8] {
        guard let text = String(validating: message, as: UTF8.self) else { throw .syntax }
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        switch stage {
        case .first: return try final(text, fields)
        case .final(let serverSignature):
            guard let field = fields.first else { throw .syntax }
            if field.hasPrefix("e=") { throw .refused }
            guard field.hasPrefix("v="), let signature = Base64.decode(field.dropFirst(2).utf8),
                constantTimeEqual(signature, serverSignature)
            else { throw .signature }
            stage = .proven
            return []
        case .proven: throw .syntax
        }
    }

    private mutating func final(_ text: String, _ fields: [Substring]) throws(Fault) -> [UInt8] {
        if text.hasPrefix("e=") { throw .refused }
        if text.hasPrefix("m=") { throw .extended }
        // Further fields are extensions that may be passed over (RFC 5802 section 5.1).
        guard fields.count >= 3, fields[0].hasPrefix("r="), fields[1].hasPrefix("s="), fields[2].hasPrefix("i="),
            let salt = Base64.decode(fields[1].dropFirst(2).utf8), !salt.isEmpty, salt.count <= 1_024
        else { throw .syntax }
        let serverNonce = fields[0].dropFirst(2)
        guard serverNonce.hasPrefix(nonce), serverNonce.utf8.count > nonce.utf8.count, serverNonce.utf8.count <= 1_024,
            serverNonce.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw .nonce }
        let digits = fields[2].dropFirst(2)
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(digits),
            Self.iterations.contains(count)
        else { throw .iterations }
        let pair = keys.pair(password, salt: salt, iterations: count)
        let withoutProof = "c=biws,r=\(serverNonce)"
        let authMessage = Array("\(bare),\(text),\(withoutProof)".utf8)
        let signature = HMACSHA256(key: SecretBytes(copying: SHA256.hash(pair.client.exposedCopy()))).tag(
            of: authMessage
        )
        let proof = zip(pair.client.exposedCopy(), signature).map { $0 ^ $1 }
        stage = .final(serverSignature: HMACSHA256(key: pair.server).tag(of: authMessage))
        return Array("\(withoutProof),p=\(Base64.encode(proof))".utf8)
    }
}

/// What was derived from one password, so that a route's further connections need not derive it again.
///
/// RFC 5802 section 5.1 allows it: these keys are of no use with another salt.
final class SCRAMKeys: Sendable {
    struct Pair: Sendable {
        let client: SecretBytes
        let server: SecretBytes
    }

    private struct Origin: Hashable {
        let salt: [UInt8]
        let iterations: Int
    }

    /// A server has one salt for an account; a few servers may stand behind one route.
    private static let most = 16
    private let known = Mutex<[Origin: Pair]>([:])

    /// The keys for a salt.
    ///
    /// Derived under the lock: connections that want the same wait for it instead of deriving it, too.
    func pair(_ password: SecretBytes, salt: [UInt8], iterations: Int) -> Pair {
        let origin = Origin(salt: salt, iterations: iterations)
        return known.withLock { known in
            if let pair = known[origin] { return pair }
            let mac = HMACSHA256(key: PBKDF2.sha256(password, salt: salt, iterations: iterations))
            let pair = Pair(
                client: SecretBytes(copying: mac.tag(of: Array("Client Key".utf8))),
                server: SecretBytes(copying: mac.tag(of: Array("Server Key".utf8)))
            )
            if known.count >= Self.most { known.removeAll() }
            known[origin] = pair
            return pair
        }
    }
}
