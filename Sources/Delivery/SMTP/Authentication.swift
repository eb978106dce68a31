import Core
import NIOCore

/// One conversation that proves who we are: AUTH PLAIN (RFC 4616) or LOGIN, inside TLS only.
///
/// Mechanisms of more steps fit the same shape: a challenge in, an answer or a cancellation out.
struct Authentication: Sendable {
    private enum Mechanism {
        case plain
        case login
    }

    private let mechanism: Mechanism
    private let credentials: RouteSettings.Credentials
    private var step = 0

    /// Picks the mechanism; `nil` if the server offers none that we have.
    init?(_ credentials: RouteSettings.Credentials, offered: Capabilities) {
        if offered.authPlain {
            mechanism = .plain
        } else if offered.authLogin {
            mechanism = .login
        } else {
            return nil
        }
        self.credentials = credentials
    }

    /// Writes the command.
    func begin(into output: inout ByteBuffer) {
        switch mechanism {
        case .plain:
            let name = Array(credentials.username.utf8)
            let password = Array(credentials.password.exposed.utf8)
            output.writeStaticString("AUTH PLAIN ")
            output.writeLine(base64: [0] + name + [0] + password)
        case .login:
            output.writeStaticString("AUTH LOGIN\r\n")
        }
    }

    /// Writes the answer to a challenge (334), or `*`, which cancels (RFC 4954 section 4), where none is due or the
    /// challenge is not Base64.
    mutating func answer(_ challenge: Reply, into output: inout ByteBuffer) {
        step += 1
        guard Self.isBase64(challenge.text), mechanism == .login, step <= 2 else {
            output.writeStaticString("*\r\n")
            return
        }
        output.writeLine(base64: Array((step == 1 ? credentials.username : credentials.password.exposed).utf8))
    }

    private static func isBase64(_ text: [UInt8]) -> Bool {
        let body = text.reversed().drop { $0 == UInt8(ascii: "=") }
        guard text.count.isMultiple(of: 4), text.count - body.count <= 2 else { return false }
        return body.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(lowercased(byte)) || byte == 0x2B || byte == 0x2F
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeLine(base64 bytes: [UInt8]) {
        writeString(Base64.encode(bytes))
        writeStaticString("\r\n")
    }
}
