public import Core
public import OpenSSL

/// What mail to an address of the bounce domain is about.
public enum ReturnKind: UInt8, CaseIterable, Sendable {
    /// `b+TOKEN`, the return path: what became of a message.
    case bounce = 0x62
    /// `u+TOKEN`, the `mailto:` of List-Unsubscribe: its reader wants no more of the list.
    case unsubscribe = 0x75
}

/// What an address of the bounce domain says to those who have the key.
public struct ReturnToken: Hashable, Sendable {
    /// What mail to it is about.
    public var kind: ReturnKind
    /// The message's job.
    public var job: JobID
    /// The message's row.
    public var row: RowNumber
    /// The first half of the recipient's tag.
    private let mailbox: UInt64

    init(kind: ReturnKind, job: JobID, row: RowNumber, mailbox: UInt64) {
        self.kind = kind
        self.job = job
        self.row = row
        self.mailbox = mailbox
    }

    /// Whether the message went to the mailbox behind a tag: 64 bits of it stand in the token.
    public func isFor(_ tag: AddressTag) -> Bool {
        tag.high == mailbox
    }
}

/// Makes the addresses to which mail about our messages comes back, and opens them again.
///
/// A token is base32 of 37 bytes: the key's number, and job, run, row and the first half of the recipient's tag under
/// deterministic authenticated encryption in the manner of RFC 5297: a tag of 96 bits, HMAC-SHA256 of the content, from which
/// the key stream comes, too. So each message has the same address at every attempt, nothing can be read off it, and
/// nobody makes one without the key. 62 characters with the letter before it: a local part may have 64 (RFC 5321 section
/// 4.5.3.1.1). Upper and lower case are the same, since there are servers that change it.
///
/// The key comes from `site.key`, not from `tracking.key`: a tracking host that was broken into cannot say that mail
/// bounced.
public struct ReturnPath: Sendable {
    /// How many characters a token has.
    public static let tokenLength = 60
    private static let keyID: UInt8 = 1
    private static let tagCount = 12
    private static let contentCount = 24

    /// The domain to which mail comes back.
    public let domain: String
    private let authentication: HMACSHA256
    private let stream: HMACSHA256
    private let tagger: AddressTagger

    /// Takes what an address needs.
    ///
    /// - Parameters:
    ///   - domain: The domain to which mail comes back, as A-labels.
    ///   - key: The key of its addresses.
    ///   - tagger: Makes address tags.
    public init(domain: String, key: SecretBytes, tagger: AddressTagger) {
        let root = HMACSHA256(key: key)
        authentication = HMACSHA256(key: SecretBytes(copying: root.tag(of: Array("authentication".utf8))))
        stream = HMACSHA256(key: SecretBytes(copying: root.tag(of: Array("encryption".utf8))))
        self.domain = domain.lowercased()
        self.tagger = tagger
    }

    /// The return path of a message.
    ///
    /// - Throws: If the domain is none.
    public func address(job: JobID, row: RowNumber, recipient: Address) throws(Address.Refused) -> Address {
        var local: [UInt8] = []
        append(.bounce, job, row, recipient, to: &local)
        return try Address(localPart: String(decoding: local, as: UTF8.self), domain: domain)
    }

    /// Appends a local part, `b+TOKEN`.
    public func append(
        _ kind: ReturnKind,
        _ job: JobID,
        _ row: RowNumber,
        _ recipient: Address,
        to output: inout [UInt8]
    ) {
        output.append(kind.rawValue)
        output.append(UInt8(ascii: "+"))
        var content: [UInt8] = []
        content.reserveCapacity(Self.contentCount)
        TokenContent.appendHead(job, row, to: &content)
        content.append(bigEndian: tagger.tag(of: recipient).high)
        let tag = tag(kind, content[...])
        var token: [UInt8] = [Self.keyID]
        token.reserveCapacity(1 + Self.tagCount + Self.contentCount)
        token.append(contentsOf: tag)
        for (byte, mask) in zip(content, mask(kind, tag[...])) { token.append(byte ^ mask) }
        Base32.append(token[...], to: &output)
    }

    /// What a local part says, in either case; `nil` if it is none of ours.
    public func open(_ local: some Collection<UInt8>) -> ReturnToken? {
        guard local.count == 2 + Self.tokenLength, let letter = local.first,
            let kind = ReturnKind(rawValue: letter | 0x20), local.dropFirst().first == UInt8(ascii: "+"),
            let token = Base32.decode(local.dropFirst(2)), token.count == 1 + Self.tagCount + Self.contentCount,
            token[0] == Self.keyID
        else { return nil }
        let shown = token[1...Self.tagCount]
        let content = zip(token[(1 + Self.tagCount)...], mask(kind, shown)).map { $0 ^ $1 }
        guard constantTimeEqual(tag(kind, content[...]), Array(shown)),
            let job = JobID(digest: content[..<10], run: bigEndian(content[10..<12]))
        else { return nil }
        return ReturnToken(
            kind: kind,
            job: job,
            row: RowNumber(bigEndian(content[12..<16])),
            mailbox: bigEndian(content[16..<24])
        )
    }

    /// The tokens that stand in a text, in its order, and how many are shaped like ours and are not.
    ///
    /// Where they stand does not matter, nor which domain comes behind: nobody makes one without the key.
    public func find(in text: ArraySlice<UInt8>) -> (tokens: [ReturnToken], forged: Int) {
        var tokens: [ReturnToken] = []
        var forged = 0
        var from = text.startIndex
        while let plus = text[from...].firstIndex(of: UInt8(ascii: "+")), tokens.count + forged < Self.mostFound {
            from = plus + 1
            let end = from + Self.tokenLength
            guard plus > text.startIndex, end <= text.endIndex, ReturnKind(rawValue: text[plus - 1] | 0x20) != nil,
                plus - 1 == text.startIndex || !Self.isWord(text[plus - 2]),
                end == text.endIndex || !Self.isWord(text[end]),
                text[from..<end].allSatisfy(Self.isWord)
            else { continue }
            if let token = open(text[(plus - 1)..<end]) {
                if !tokens.contains(token) { tokens.append(token) }
            } else {
                forged += 1
            }
            from = end
        }
        return (tokens, forged)
    }

    /// More are not looked for: a report is about one message.
    private static let mostFound = 16

    private static func isWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private func tag(_ kind: ReturnKind, _ content: ArraySlice<UInt8>) -> [UInt8] {
        Array(authentication.tag(of: [kind.rawValue, Self.keyID] + content)[..<Self.tagCount])
    }

    private func mask(_ kind: ReturnKind, _ tag: ArraySlice<UInt8>) -> [UInt8] {
        stream.tag(of: [kind.rawValue, Self.keyID] + tag)
    }
}
