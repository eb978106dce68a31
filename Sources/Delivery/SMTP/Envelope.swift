import Core
import NIOCore

extension ByteBuffer {
    /// Writes MAIL FROM with those parameters that the message needs and the server offers.
    mutating func writeMail(_ message: OutgoingMessage, _ facts: ServerFacts) {
        writeStaticString("MAIL FROM:<")
        writeAddress(message.sender)
        writeStaticString(">")
        if facts.capabilities.size != nil {
            writeStaticString(" SIZE=")
            writeString(String(message.content.count))
        }
        if message.isEightBit || message.headersNeedUTF8 {
            writeStaticString(" BODY=8BITMIME")
        }
        if message.needsSMTPUTF8 {
            writeStaticString(" SMTPUTF8")
        }
        if facts.capabilities.dsn {
            // A notice carries the message back unless it is told not to, and over whatever way it finds.
            writeStaticString(" RET=HDRS")
            writeEnvelopeID(message.envelopeID)
        }
        if facts.capabilities.requireTLS {
            writeStaticString(" REQUIRETLS")
        }
        writeStaticString("\r\n")
    }

    /// Writes RCPT TO, with what notices shall come and for which address where the server offers DSN.
    mutating func writeRecipient(_ message: OutgoingMessage, _ facts: ServerFacts) {
        writeStaticString("RCPT TO:<")
        writeAddress(message.recipient)
        writeStaticString(">")
        if facts.capabilities.dsn {
            writeString(facts.notifyParameter)
            writeOriginalRecipient(message.recipient)
        }
        writeStaticString("\r\n")
    }

    /// Writes BDAT for a message in one chunk (RFC 3030 section 2).
    mutating func writeChunkCommand(octets: Int) {
        writeStaticString("BDAT ")
        writeString(String(octets))
        writeStaticString(" LAST\r\n")
    }

    private mutating func writeAddress(_ address: Address) {
        writeString(address.localPart)
        writeStaticString("@")
        writeString(address.domain)
    }

    /// ENVID comes back in notices; RFC 3461 section 4.4 allows 100 characters.
    private mutating func writeEnvelopeID(_ id: String) {
        guard !id.isEmpty, id.utf8.count <= 100, id.utf8.allSatisfy({ $0.isXText }) else { return }
        writeStaticString(" ENVID=")
        writeString(id)
    }

    /// ORCPT: `rfc822` with xtext (RFC 3461 section 4.2), or `utf-8` where the address has letters beyond ASCII, which then
    /// stand as they are since SMTPUTF8 is in use (RFC 6533 section 3).
    private mutating func writeOriginalRecipient(_ address: Address) {
        let isUTF8 = address.needsSMTPUTF8
        writeStaticString(isUTF8 ? " ORCPT=utf-8;" : " ORCPT=rfc822;")
        for part in [address.localPart, "@", address.domain] {
            if part.utf8.allSatisfy({ $0.isXText }) {
                writeString(part)
            } else {
                for byte in part.utf8 { writeEncoded(byte, isUTF8: isUTF8) }
            }
        }
    }

    private mutating func writeEncoded(_ byte: UInt8, isUTF8: Bool) {
        if byte.isXText, !(isUTF8 && byte == UInt8(ascii: "\\")) {
            writeInteger(byte)
        } else if isUTF8, byte >= 0x80 {
            writeInteger(byte)
        } else {
            writeStaticString(isUTF8 ? "\\x{" : "+")
            writeInteger(Self.hexDigit(byte >> 4))
            writeInteger(Self.hexDigit(byte & 15))
            if isUTF8 { writeStaticString("}") }
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x37 + value
    }
}

extension UInt8 {
    /// Whether it stands for itself in xtext: printable ASCII but `+` and `=`.
    fileprivate var isXText: Bool {
        (0x21...0x7E).contains(self) && self != UInt8(ascii: "+") && self != UInt8(ascii: "=")
    }
}

extension RouteSettings.Notices {
    /// NOTIFY's value.
    var parameter: String {
        let words = [(RouteSettings.Notices.failure, "FAILURE"), (.delay, "DELAY"), (.success, "SUCCESS")]
        let wanted = words.filter { contains($0.0) }.map(\.1)
        return wanted.isEmpty ? "NEVER" : wanted.joined(separator: ",")
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
