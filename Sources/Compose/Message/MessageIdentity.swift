internal import Core

/// What makes a message this one: its Message-ID and the seed of its boundaries.
///
/// Derived from job and row under the site's key, so that every attempt has the same and nobody can guess them.
public struct MessageIdentity: Hashable, Sendable {
    /// The Message-ID without its angle brackets.
    public let messageID: String
    /// Where the boundaries come from.
    let boundarySeed: [UInt8]

    /// Takes an identity from a keyed digest of job and row; `nil` if that has fewer than 29 bytes.
    ///
    /// The first 13 bytes become 20 characters before the `@`, the next 16 the boundaries.
    public init?(digest: [UInt8], domain: String) {
        guard digest.count >= 29 else { return nil }
        var text: [UInt8] = []
        text.reserveCapacity(21 + domain.utf8.count)
        Base32.append(digest[..<13], to: &text)
        text.removeLast(text.count - 20)
        text.append(UInt8(ascii: "@"))
        text.append(contentsOf: domain.utf8)
        self.messageID = String(decoding: text, as: UTF8.self)
        self.boundarySeed = Array(digest[13..<29])
    }
}

/// The boundaries of one message's multiparts.
///
/// `=_` at the start occurs in neither quoted-printable nor base64, and a text that goes as it is has no line that
/// starts so; the letter keeps the three apart.
struct Boundary {
    /// Which multipart it bounds.
    enum Part: UInt8 {
        case mixed = 0x6D
        case related = 0x72
        case alternative = 0x61
    }

    /// The octets of a boundary.
    static let length = 29

    /// Appends a boundary's text.
    static func append(_ part: Part, _ identity: MessageIdentity, to output: inout [UInt8]) {
        output.append(0x3D)
        output.append(0x5F)
        output.append(part.rawValue)
        Base32.append(identity.boundarySeed[...], to: &output)
    }
}
