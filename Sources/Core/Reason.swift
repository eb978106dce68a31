/// Why a row ended as it did: one stable word that programs can compare and people can read.
///
/// An open list, so that a later version adds words without breaking a reader; every word that we write stands here.
public struct Reason: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The word: lower case, hyphens between its parts.
    public let rawValue: String

    /// Wraps a word.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    private init(_ word: String) {
        self.rawValue = word
    }

    /// The word.
    public var description: String {
        rawValue
    }

    /// Nothing to say; `sent` rows have it.
    public static let none = Reason("")

    // The row itself (`invalid`).

    /// The address cell is empty.
    public static let addressMissing = Reason("address-missing")
    /// The address cell is not one address by RFC 5321.
    public static let addressSyntax = Reason("address-syntax")
    /// The row has more or fewer cells than the header.
    public static let rowShape = Reason("row-shape")
    /// The row holds a control character or bytes that are not text.
    public static let rowText = Reason("row-text")
    /// A cell that the template needs is empty.
    public static let cellEmpty = Reason("cell-empty")
    /// A cell cannot stand where the template puts it (a line break in a header, say).
    public static let cellRefused = Reason("cell-refused")
    /// The row's time zone is none of the tz database.
    public static let timeZone = Reason("time-zone")
    /// The row's attachment is not there, or may not be read.
    public static let attachment = Reason("attachment")
    /// The message would be larger than what may go out.
    public static let messageTooLarge = Reason("message-too-large")

    // Policy (`suppressed`).

    /// The recipient opted out.
    public static let optedOut = Reason("opted-out")
    /// An earlier message to the address bounced for good; of a row that was sent: this message came back.
    public static let bounced = Reason("bounced")
    /// The recipient complained about an earlier message; of a row that was sent: about this one.
    public static let complained = Reason("complained")
    /// Somebody put the address on the list by hand.
    public static let suppressedByHand = Reason("suppressed-by-hand")
    /// Marketing without a current authorization (45 CFR 164.508(a)(3)).
    public static let noAuthorization = Reason("no-authorization")

    // The channel (`held`).

    /// The server offers no STARTTLS, or refuses it.
    public static let tlsNotOffered = Reason("tls-not-offered")
    /// The handshake failed before a certificate could be judged.
    public static let tlsHandshake = Reason("tls-handshake")
    /// Bytes came in clear where only TLS may be (CVE-2011-0411 and its response-side twin).
    public static let tlsInjection = Reason("tls-injection")
    /// The certificate's chain ends in no trusted root.
    public static let certificateUntrusted = Reason("certificate-untrusted")
    /// The certificate has expired.
    public static let certificateExpired = Reason("certificate-expired")
    /// The certificate is not valid yet.
    public static let certificateNotYetValid = Reason("certificate-not-yet-valid")
    /// The name we dialled is not among the certificate's SANs.
    public static let certificateName = Reason("certificate-name")
    /// The certificate breaks another rule: key too small, signature too weak, wrong use.
    public static let certificateRefused = Reason("certificate-refused")
    /// The route wants TLS on the relay's onward way too (RFC 8689), and the relay does not offer that.
    public static let requireTLSMissing = Reason("requiretls-missing")

    // The server's answers (`failed`, or `cancelled` when the time for trying again ran out).

    /// The mailbox or its domain does not exist.
    public static let mailboxUnknown = Reason("mailbox-unknown")
    /// The mailbox is switched off or does not take mail.
    public static let mailboxDisabled = Reason("mailbox-disabled")
    /// The mailbox is full.
    public static let mailboxFull = Reason("mailbox-full")
    /// The server does not take the sender.
    public static let senderRefused = Reason("sender-refused")
    /// The message does not prove that it is from its sender's domain: SPF, DKIM or DMARC.
    public static let senderUnauthenticated = Reason("sender-unauthenticated")
    /// The server blocks the sending address or domain for its reputation.
    public static let senderBlocked = Reason("sender-blocked")
    /// The server will not relay for us.
    public static let relayDenied = Reason("relay-denied")
    /// The server refuses the message's content.
    public static let contentRefused = Reason("content-refused")
    /// The server's policy refuses the message.
    public static let policyRefused = Reason("policy-refused")
    /// The server is busy, limits the rate, or lists senders for a while.
    public static let serverBusy = Reason("server-busy")
    /// The server refuses our credentials, or offers no way to present them.
    public static let authentication = Reason("authentication")
    /// The message needs SMTPUTF8 and the server does not have it.
    public static let smtputf8Missing = Reason("smtputf8-missing")
    /// The server refused, and its answer says no more.
    public static let refused = Reason("refused")

    // What reports that come back later say besides (bounces).

    /// The domain does not exist, or no server for it can be found for good.
    public static let domainUnknown = Reason("domain-unknown")
    /// The domain says that it takes no mail (RFC 7505), or its server takes none at all.
    public static let domainWithoutMail = Reason("domain-without-mail")
    /// The mailbox has moved and left no forwarding address.
    public static let mailboxMoved = Reason("mailbox-moved")
    /// The recipient, or a filter in the recipient's name, does not take the message; or the server calls the mailbox
    /// unknown at a step where filters do.
    public static let recipientRefused = Reason("recipient-refused")
    /// The message was tried until its time ran out.
    public static let expired = Reason("expired")
    /// No way to the server: names, routes, loops.
    public static let routing = Reason("routing")
    /// The way to the mailbox is not encrypted, or leads to a server that cannot prove who it is.
    public static let noTLS = Reason("no-tls")
    /// The server calls the message unwanted mail.
    public static let spamSuspected = Reason("spam-suspected")
    /// The server calls the message a virus.
    public static let virusSuspected = Reason("virus-suspected")
    /// The server failed, or is set up wrongly.
    public static let serverFailed = Reason("server-failed")
    /// The program that delivers into the mailbox failed.
    public static let deliveryProgram = Reason("delivery-program")

    // The connection.

    /// No connection could be made.
    public static let connect = Reason("connect")
    /// The connection was lost.
    public static let connectionLost = Reason("connection-lost")
    /// The server did not answer in time.
    public static let timeout = Reason("timeout")
    /// What the server said is not SMTP.
    public static let protocolError = Reason("protocol-error")
    /// The connection or the process ended between the message's end and the answer.
    public static let answerLost = Reason("answer-lost")

    // The job (`cancelled`).

    /// Somebody stopped the job.
    public static let stopped = Reason("stopped")
    /// Servers refused too many of the job's rows, or too many recipients complained, by the site's own measure.
    public static let halted = Reason("halted")
    /// `not_after` passed.
    public static let pastNotAfter = Reason("past-not-after")
    /// The folder's content changed while the job ran.
    public static let contentChanged = Reason("content-changed")
    /// The folder went away while the job ran.
    public static let folderGone = Reason("folder-gone")
}
