/// Makes the opaque tokens that stand in a message's tracking links.
///
/// Compose writes them; Tracking knows how.
///
/// Called for every message on whichever thread renders it, so it must be quick, and deterministic: the same
/// arguments give the same token at every attempt.
public protocol TokenMinting: Sendable {
    /// Whether there are pages for the recipient; if not, the URL for opting out is a `mailto:`, and there is nothing else.
    var hasPages: Bool { get }
    /// Appends the whole URL of a pixel, `…/o/TOKEN.gif`.
    func appendOpenURL(job: JobID, row: RowNumber, to output: inout [UInt8])
    /// Appends the whole URL of a tracked link, `…/c/TOKEN`; `link` counts the message's links from 1, `target` is the
    /// absolute URL it leads to.
    func appendClickURL(job: JobID, row: RowNumber, link: Int, target: ArraySlice<UInt8>, to output: inout [UInt8])
    /// Appends the whole URL of the unsubscribe page, `…/u/TOKEN`, or the `mailto:` where there is none; an empty list means all mail, an empty language that the
    /// reader's browser decides.
    func appendUnsubscribeURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String,
        address: Address,
        to output: inout [UInt8]
    )
    /// Appends the whole URL of the preference page, `…/p/TOKEN`; its token is the unsubscribe page's.
    func appendPreferencesURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String,
        address: Address,
        to output: inout [UInt8]
    )
    /// Appends a whole `mailto:` URL that does the same by a message; appends nothing where no mailbox takes such messages.
    func appendUnsubscribeMail(job: JobID, row: RowNumber, address: Address, to output: inout [UInt8])
}

extension TokenMinting {
    /// There are.
    public var hasPages: Bool { true }

    /// No mailbox takes opt-outs.
    public func appendUnsubscribeMail(job: JobID, row: RowNumber, address: Address, to output: inout [UInt8]) {}
}
