@testable import Delivery
import NIOCore
import OpenSSL
@testable import Tracking
@testable import Web

/// A mail server's replies.
func readReply(_ bytes: [UInt8]) {
    var parser = ReplyParser(limits: Limits())
    var buffer = ByteBuffer(bytes: bytes)
    while let reply = try? parser.next(from: &buffer) { _ = reply }
}

/// A browser's requests, in two pieces.
func readRequest(_ bytes: [UInt8]) {
    var parser = RequestParser(WebLimits())
    let half = bytes.count / 2
    for piece in [bytes[..<half], bytes[half...]] {
        parser.feed(ByteBuffer(bytes: piece).readableBytesView)
        var isMore = true
        while isMore {
            switch parser.next(from: WebAddress(ipv4: 0x7F00_0001)) {
            case .incomplete: isMore = false
            case .refused: return
            case .request(_, let closes): if closes { return }
            }
        }
    }
}

private let seal = TokenSeal(TokenKeys(TokenKey(secret: SecretBytes(copying: [UInt8](repeating: 7, count: 32)))))

/// A token in a link: none that we did not make may open.
func readToken(_ bytes: [UInt8]) {
    for kind in TokenKind.allCases { precondition(seal.open(kind, bytes) == nil) }
    // What opens may be old or of another version; its content is read with the same care.
    for kind in TokenKind.allCases { _ = TokenContent(kind, plaintext: bytes) }
}

/// A line of an event file or of the suppression list.
func readEvent(_ bytes: [UInt8]) {
    guard let line = JSONObject(bytes[...]) else { return }
    if let event = Event(line) { _ = SuppressionRecord(event) }
    _ = SuppressionRecord(line)
}
