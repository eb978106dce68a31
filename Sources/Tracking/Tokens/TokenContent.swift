public import Core

/// What a link of ours is for; a token of one kind never opens as another.
public enum TokenKind: UInt8, CaseIterable, Sendable {
    /// The pixel, `/o/TOKEN.gif`.
    case open = 0x6F
    /// A tracked link, `/c/TOKEN`.
    case click = 0x63
    /// The unsubscribe page, `/u/TOKEN`, and the preference page, `/p/TOKEN`.
    case unsubscribe = 0x75

    /// Whether tokens of this kind stop working some time after their key was replaced; who wants out may always get out.
    var ends: Bool {
        switch self {
        case .open, .click: true
        case .unsubscribe: false
        }
    }
}

/// What a token says to those who have the key.
public struct TokenContent: Hashable, Sendable {
    /// What the token's link does.
    public enum Action: Hashable, Sendable {
        /// The message was opened.
        case open
        /// A link was followed; links count from 1, the target is an absolute `http` or `https` URL in ASCII.
        case click(link: Int, target: [UInt8])
        /// The mailbox behind the tag wants no more of a list; an empty list means all mail.
        case unsubscribe(list: String, tag: AddressTag)
    }

    /// The message's job.
    public var job: JobID
    /// The message's row.
    public var row: RowNumber
    /// What the link does.
    public var action: Action
    /// The message's language, for the page that the link opens; empty where none was stated.
    public var language: String

    /// Creates a token's content.
    public init(job: JobID, row: RowNumber, action: Action, language: String = "") {
        self.job = job
        self.row = row
        self.action = action
        self.language = language
    }

    /// Which kind of token holds this.
    public var kind: TokenKind {
        switch action {
        case .open: .open
        case .click: .click
        case .unsubscribe: .unsubscribe
        }
    }
}

extension TokenContent {
    /// The longest name of a list, in bytes; its event must fit a line of the log.
    static let maximumList = 1_000
    /// Stands between a list's name and the language, where one is stated; tokens of earlier versions have neither.
    static let separator: UInt8 = 0x1F
    /// The longest language tag that is taken along.
    static let maximumLanguage = 16
    private static let headCount = JobID.digestLength + 2 + 4

    static func appendHead(_ job: JobID, _ row: RowNumber, to plaintext: inout [UInt8]) {
        plaintext.append(contentsOf: job.digest)
        plaintext.append(bigEndian: job.run)
        plaintext.append(bigEndian: row.value)
    }

    /// Reads what was sealed; `nil` if it is not what this version seals.
    init?(_ kind: TokenKind, plaintext: [UInt8]) {
        guard plaintext.count >= Self.headCount,
            let job = JobID(digest: plaintext[..<10], run: bigEndian(plaintext[10..<12]))
        else { return nil }
        let rest = plaintext[Self.headCount...]
        let action: Action
        var language = ""
        switch kind {
        case .open:
            guard rest.isEmpty else { return nil }
            action = .open
        case .click:
            guard rest.count > 2 else { return nil }
            let target = Array(rest.dropFirst(2))
            guard Self.isTarget(target) else { return nil }
            action = .click(link: bigEndian(rest.prefix(2)), target: target)
        case .unsubscribe:
            let texts = rest.dropFirst(AddressTag.byteCount).split(
                separator: Self.separator,
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            guard let tag = AddressTag(bytes: rest.prefix(AddressTag.byteCount)),
                let list = String(validating: texts[0], as: UTF8.self), list.utf8.count <= Self.maximumList,
                let tongue = String(validating: texts.count > 1 ? texts[1] : [], as: UTF8.self)
            else { return nil }
            language = tongue
            action = .unsubscribe(list: list, tag: tag)
        }
        self.init(job: job, row: RowNumber(bigEndian(plaintext[12..<16])), action: action, language: language)
    }

    /// Whether bytes may go into a `Location` header: an absolute `http` or `https` URL with a host, visible ASCII only.
    static func isTarget(_ target: [UInt8]) -> Bool {
        guard target.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else { return false }
        for scheme in ["https://", "http://"] {
            let start = target.prefix(scheme.utf8.count).map { $0 | ($0 >= 0x41 && $0 <= 0x5A ? 0x20 : 0) }
            guard start.elementsEqual(scheme.utf8) else { continue }
            guard let first = target.dropFirst(scheme.utf8.count).first else { return false }
            return !"/?#@:".utf8.contains(first)
        }
        return false
    }
}
