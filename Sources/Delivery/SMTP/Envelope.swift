import Core
import NIOCore

extension ByteBuffer {
    /// Writes MAIL FROM with those parameters that the message needs and the server offers.
    mutating func writeMail(_ message: OutgoingMessage, _ offered: Capabilities) {
        writeStaticString("MAIL FROM:<")
        writeAddress(message.sender)
        if offered.size != nil {
            writeStaticString("> SIZE=")
            writeString(String(message.content.count))
        } else {
            writeStaticString(">")
        }
        if message.isEightBit || message.headersNeedUTF8 {
            writeStaticString(" BODY=8BITMIME")
        }
        if message.needsSMTPUTF8 {
            writeStaticString(" SMTPUTF8")
        }
        writeStaticString("\r\n")
    }

    /// Writes RCPT TO.
    mutating func writeRecipient(_ message: OutgoingMessage) {
        writeStaticString("RCPT TO:<")
        writeAddress(message.recipient)
        writeStaticString(">\r\n")
    }

    private mutating func writeAddress(_ address: Address) {
        writeString(address.localPart)
        writeStaticString("@")
        writeString(address.domain)
    }
}

extension OutgoingMessage {
    /// Whether the server must have SMTPUTF8.
    var needsSMTPUTF8: Bool {
        headersNeedUTF8 || recipient.needsSMTPUTF8 || sender.needsSMTPUTF8
    }

    /// Why the message cannot go to a server with such an offer; nothing is sent then.
    ///
    /// `nil` if it can.
    func obstacle(_ offered: Capabilities) -> (Reason, String)? {
        if let limit = offered.size, limit > 0, content.count > limit {
            return (.messageTooLarge, "the message has \(content.count) octets, the server takes \(limit)")
        }
        if needsSMTPUTF8, !offered.smtpUTF8 {
            return (.smtputf8Missing, "the message needs SMTPUTF8, which the server does not offer")
        }
        if isEightBit || headersNeedUTF8, !offered.eightBitMIME {
            return (.contentRefused, "the message needs 8BITMIME, which the server does not offer")
        }
        return nil
    }
}
