public import Core

/// Mints what a site without a tracking server has: the address to which recipients write who want no more.
///
/// Nothing is tracked: links stay as they are.
public struct MailTokens: TokenMinting {
    private let returnPath: ReturnPath

    /// Takes what makes the addresses.
    public init(returnPath: ReturnPath) {
        self.returnPath = returnPath
    }

    /// There are none.
    public var hasPages: Bool { false }

    /// Appends nothing: there is no pixel.
    public func appendOpenURL(job: JobID, row: RowNumber, to output: inout [UInt8]) {}

    /// Appends the link's own target.
    public func appendClickURL(
        job: JobID,
        row: RowNumber,
        link: Int,
        target: ArraySlice<UInt8>,
        to output: inout [UInt8]
    ) {
        output.append(contentsOf: target)
    }

    /// Appends `mailto:u+TOKEN@DOMAIN?subject=unsubscribe`; the job knows its list.
    public func appendUnsubscribeURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String,
        address: Address,
        to output: inout [UInt8]
    ) {
        appendUnsubscribeMail(job: job, row: row, address: address, to: &output)
    }

    /// The same: there is nothing to choose by a message.
    public func appendPreferencesURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String,
        address: Address,
        to output: inout [UInt8]
    ) {
        appendUnsubscribeMail(job: job, row: row, address: address, to: &output)
    }

    /// Appends `mailto:u+TOKEN@DOMAIN?subject=unsubscribe`.
    public func appendUnsubscribeMail(job: JobID, row: RowNumber, address: Address, to output: inout [UInt8]) {
        returnPath.appendUnsubscribeMail(job: job, row: row, address: address, to: &output)
    }
}

extension ReturnPath {
    /// Appends `mailto:u+TOKEN@DOMAIN?subject=unsubscribe`.
    func appendUnsubscribeMail(job: JobID, row: RowNumber, address: Address, to output: inout [UInt8]) {
        output.append(contentsOf: "mailto:".utf8)
        append(.unsubscribe, job, row, address, to: &output)
        output.append(UInt8(ascii: "@"))
        output.append(contentsOf: domain.utf8)
        output.append(contentsOf: "?subject=unsubscribe".utf8)
    }
}
