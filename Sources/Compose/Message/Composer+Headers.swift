internal import Core

/// The header fields that are the same for every row, written once per job.
struct StaticHeaders: Sendable {
    /// From.
    var sender: [UInt8] = []
    /// Reply-To, and what the kind of message asks for.
    var rest: [UInt8] = []
    /// Whether an address in them has other characters than ASCII.
    var needUTF8: Bool

    init(_ design: JobDesign) {
        needUTF8 = design.from.address.needsSMTPUTF8 || design.replyTo?.address.needsSMTPUTF8 ?? false
        Self.append("From", design.from, to: &sender)
        if let replyTo = design.replyTo {
            Self.append("Reply-To", replyTo, to: &rest)
        }
        if let list = design.list {
            Self.appendListID(list, domain: design.from.address.domain, to: &rest)
        }
        // RFC 3834: no answer by a machine to what a machine sent.
        HeaderWriter.append("Auto-Submitted", "auto-generated", to: &rest)
        if let language = design.language {
            HeaderWriter.append("Content-Language", language, to: &rest)
        }
        HeaderWriter.append("MIME-Version", "1.0", to: &rest)
    }

    private static func append(_ field: String, _ mailbox: Mailbox, to output: inout [UInt8]) {
        let name = Array((mailbox.name?.text ?? "").utf8)
        HeaderWriter.appendMailbox(field, name: name[...], address: mailbox.address, to: &output)
    }

    /// RFC 2919: the list's name, and an identifier below the sender's domain that stays as the name does.
    private static func appendListID(_ list: String, domain: String, to output: inout [UInt8]) {
        var label: [UInt8] = []
        for byte in list.lowercased().utf8 {
            switch byte {
            case 0x30...0x39, 0x61...0x7A: label.append(byte)
            default:
                if label.last != 0x2D { label.append(0x2D) }
            }
        }
        output.append(contentsOf: "List-ID: ".utf8)
        var column = 9
        HeaderWriter.appendPhrase(HeaderWriter.trimmed(Array(list.utf8)[...]), column: &column, to: &output)
        let identifier = " <\(String(decoding: label, as: UTF8.self)).\(domain)>"
        if column + identifier.utf8.count > EncodedWord.lineLimit { HeaderWriter.end(&output) }
        output.append(contentsOf: identifier.utf8)
        HeaderWriter.end(&output)
    }
}

extension Composer {
    /// The largest header; servers cut one that is far larger (Postfix at 102,400 bytes), and the rest becomes text.
    static let headerLimit = 32_768
    /// The longest URL that fits a line of 998 octets with the field's name.
    private static let urlLimit = 960

    /// Appends every header field up to MIME-Version; the content's fields come with the body.
    func appendHeaders(
        _ row: borrowing Row,
        identity: MessageIdentity,
        date: Timestamp,
        context: RenderContext,
        scratch: inout Scratch,
        to output: inout [UInt8]
    ) throws(ComposeProblem) {
        DateField.append(date, to: &output)
        output.append(contentsOf: headers.sender)
        try appendRecipient(row, context.recipient, to: &output)
        try Self.render(subject, row, context: context, into: &scratch.subject)
        guard HeaderText.isAllowed(scratch.subject[...]) else { throw .textNotForHeader(place: subjectPlace) }
        HeaderWriter.appendUnstructured("Subject", scratch.subject[...], to: &output)
        output.append(contentsOf: "Message-ID: <".utf8)
        output.append(contentsOf: identity.messageID.utf8)
        output.append(contentsOf: ">\r\n".utf8)
        if hasUnsubscribe {
            guard let minter = context.minter else { throw .noUnsubscribeAddress }
            output.append(contentsOf: "List-Unsubscribe: <".utf8)
            let start = output.count
            minter.appendUnsubscribeURL(
                job: context.job,
                row: row.number,
                list: context.list,
                language: context.language,
                address: context.recipient,
                to: &output
            )
            let url = output[start...]
            guard url.count <= Self.urlLimit, url.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3E }) else {
                throw .noUnsubscribeAddress
            }
            output.append(UInt8(ascii: ">"))
            if minter.hasPages {
                try appendUnsubscribeMail(minter, row.number, context, to: &output)
                output.append(contentsOf: "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click".utf8)
            }
            output.append(contentsOf: "\r\n".utf8)
        }
        output.append(contentsOf: headers.rest)
        guard output.count <= Self.headerLimit else { throw .headerTooLarge(limit: Self.headerLimit) }
    }

    /// The same by a message (RFC 2369), for mail programs that do not do it by HTTPS; on a line of its own.
    private func appendUnsubscribeMail(
        _ minter: any TokenMinting,
        _ row: RowNumber,
        _ context: RenderContext,
        to output: inout [UInt8]
    ) throws(ComposeProblem) {
        let before = output.count
        output.append(contentsOf: ",\r\n <".utf8)
        let start = output.count
        minter.appendUnsubscribeMail(job: context.job, row: row, address: context.recipient, to: &output)
        let url = output[start...]
        guard !url.isEmpty else { return output.removeLast(output.count - before) }
        guard url.count <= Self.urlLimit, url.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3E }) else {
            throw .noUnsubscribeAddress
        }
        output.append(UInt8(ascii: ">"))
    }

    private func appendRecipient(
        _ row: borrowing Row,
        _ recipient: Address,
        to output: inout [UInt8]
    ) throws(ComposeProblem) {
        guard let nameColumn else {
            HeaderWriter.appendMailbox("To", name: [], address: recipient, to: &output)
            return
        }
        let name = row[nameColumn.index]
        guard HeaderText.isAllowed(name) else { throw .nameNotForHeader(column: nameColumn.name) }
        HeaderWriter.appendMailbox("To", name: name, address: recipient, to: &output)
    }
}

/// ``HeaderValue``'s rule on bytes, without making a string of ASCII.
enum HeaderText {
    static func isAllowed(_ bytes: ArraySlice<UInt8>) -> Bool {
        var isASCII = true
        for byte in bytes {
            if byte < 0x20 && byte != 0x09 || byte == 0x7F { return false }
            if byte >= 0x80 { isASCII = false }
        }
        if isASCII { return true }
        guard let text = String(validating: bytes, as: UTF8.self) else { return false }
        return text.unicodeScalars.allSatisfy(HeaderValue.allows)
    }
}
