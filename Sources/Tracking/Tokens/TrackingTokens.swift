public import Core

/// The address under which the tracking server is reached: `https://host[:port][/path]`.
public struct BaseURL: Hashable, Sendable, CustomStringConvertible {
    /// The URL without a slash at its end.
    public let description: String
    /// Its path without a slash at its end; empty for most.
    public let path: String
    /// Its host in lower case, without port.
    public let host: String

    /// Takes an absolute `https` URL in ASCII without user, query and fragment; `nil` for anything else.
    public init?(_ text: String) {
        guard text.hasPrefix("https://"), text.utf8.count <= 200,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"?#@\\\"<>%".utf8.contains($0) })
        else { return nil }
        var text = text[...]
        while text.hasSuffix("/") { text.removeLast() }
        let rest = text.dropFirst("https://".count)
        let host = rest.prefix { $0 != "/" }
        guard !host.isEmpty, host.first != ":", !rest.hasPrefix("/"), text.utf8.count > "https://".utf8.count else {
            return nil
        }
        description = String(text)
        path = String(rest.dropFirst(host.count))
        let end = host.first == "[" ? host.firstIndex(of: "]").map { host.index(after: $0) } : host.firstIndex(of: ":")
        self.host = host[..<(end ?? host.endIndex)].lowercased()
    }
}

/// Mints the URLs that stand in messages.
public struct TrackingTokens: TokenMinting {
    private let seal: TokenSeal
    private let tagger: AddressTagger
    private let prefixes: (open: [UInt8], click: [UInt8], unsubscribe: [UInt8], preferences: [UInt8])
    private let returnPath: ReturnPath?

    /// Takes what a link needs.
    ///
    /// - Parameters:
    ///   - baseURL: Where the tracking server is reached.
    ///   - keys: The token keys; the server has the same.
    ///   - tagger: Makes address tags; the server has it not.
    ///   - returnPath: Where opt-outs by message go; `nil` where no mailbox takes them.
    public init(baseURL: BaseURL, keys: TokenKeys, tagger: AddressTagger, returnPath: ReturnPath? = nil) {
        seal = TokenSeal(keys)
        self.tagger = tagger
        self.returnPath = returnPath
        prefixes = (
            Array("\(baseURL)/o/".utf8), Array("\(baseURL)/c/".utf8), Array("\(baseURL)/u/".utf8),
            Array("\(baseURL)/p/".utf8)
        )
    }

    /// Appends the pixel's URL.
    public func appendOpenURL(job: JobID, row: RowNumber, to output: inout [UInt8]) {
        output.append(contentsOf: prefixes.open)
        seal.append(.open, plaintext(job, row, 0), to: &output)
        output.append(contentsOf: ".gif".utf8)
    }

    /// Appends a tracked link's URL.
    public func appendClickURL(
        job: JobID,
        row: RowNumber,
        link: Int,
        target: ArraySlice<UInt8>,
        to output: inout [UInt8]
    ) {
        output.append(contentsOf: prefixes.click)
        var text = plaintext(job, row, 2 + target.count)
        text.append(bigEndian: UInt16(clamping: link))
        text.append(contentsOf: target)
        seal.append(.click, text, to: &output)
    }

    /// Appends the unsubscribe page's URL.
    ///
    /// A list with a name beyond all measure (1,000 bytes) counts as all mail, which errs on the recipient's side.
    public func appendUnsubscribeURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String = "",
        address: Address,
        to output: inout [UInt8]
    ) {
        output.append(contentsOf: prefixes.unsubscribe)
        appendRecipientToken(job, row, list, language, address, to: &output)
    }

    /// Appends the preference page's URL; whoever may opt out may choose, so that the token is the same.
    public func appendPreferencesURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String = "",
        address: Address,
        to output: inout [UInt8]
    ) {
        output.append(contentsOf: prefixes.preferences)
        appendRecipientToken(job, row, list, language, address, to: &output)
    }

    private func appendRecipientToken(
        _ job: JobID,
        _ row: RowNumber,
        _ list: String,
        _ language: String,
        _ address: Address,
        to output: inout [UInt8]
    ) {
        let tag = tagger.tag(of: address)
        let list = list.utf8.count <= TokenContent.maximumList ? list : ""
        var text = plaintext(job, row, AddressTag.byteCount + list.utf8.count + 1 + language.utf8.count)
        text.append(bigEndian: tag.high)
        text.append(bigEndian: tag.low)
        text.append(contentsOf: list.utf8)
        if !language.isEmpty, language.utf8.count <= TokenContent.maximumLanguage {
            text.append(TokenContent.separator)
            text.append(contentsOf: language.utf8)
        }
        seal.append(.unsubscribe, text, to: &output)
    }

    /// Appends `mailto:u+TOKEN@DOMAIN?subject=unsubscribe`.
    public func appendUnsubscribeMail(job: JobID, row: RowNumber, address: Address, to output: inout [UInt8]) {
        returnPath?.appendUnsubscribeMail(job: job, row: row, address: address, to: &output)
    }

    private func plaintext(_ job: JobID, _ row: RowNumber, _ more: Int) -> [UInt8] {
        var plaintext: [UInt8] = []
        plaintext.reserveCapacity(16 + more)
        TokenContent.appendHead(job, row, to: &plaintext)
        return plaintext
    }
}
