import Core

/// What a reason means to the people who dropped the job, and what they can do about it.
struct Advice: Hashable {
    /// What happened, as a clause of plain English.
    var meaning: String
    /// What to do, in one or two sentences.
    var remedy: String

    init(_ meaning: String, _ remedy: String) {
        self.meaning = meaning
        self.remedy = remedy
    }

    /// The advice for a reason; one for a word that a later version wrote is general.
    init(_ cause: OutcomeTotals.Cause) {
        self =
            Self.row[cause.reason] ?? Self.policy[cause.reason] ?? Self.channel[cause.reason]
            ?? Self.answer[cause.reason] ?? Self.connection[cause.reason] ?? Self.job[cause.reason]
            ?? Self.report[cause.reason]
            ?? Advice(
                cause.reason == .none ? "No reason was given" : "\(cause.reason)",
                "Look at the column detail of these rows in results.csv."
            )
    }

    private static let correct = "correct it and send these rows in a new job"
    private static let retry = "put an empty file named RETRY into this folder"

    private static let row: [Reason: Advice] = [
        .addressMissing: Advice(
            "The row has no e-mail address",
            "Ask the person for an address and send these rows in a new job."
        ),
        .addressSyntax: Advice(
            "The e-mail address is not written correctly",
            "Look for spaces, missing parts or two addresses in one cell; \(correct)."
        ),
        .rowShape: Advice(
            "The row has more or fewer cells than the table has columns",
            "Often a comma or a quote inside a cell is to blame. Export the table again, \(correct)."
        ),
        .timeZone: Advice(
            "The row names a time zone that does not exist",
            "Write it like America/Chicago, or leave the cell empty for the site's zone; \(correct)."
        ),
        .rowText: Advice(
            "The row holds characters that are not text",
            "Export the table again as UTF-8 and send these rows in a new job."
        ),
        .cellEmpty: Advice(
            "A cell that the message needs is empty",
            "The column detail in results.csv names the column. Fill it in and send these rows in a new job."
        ),
        .cellRefused: Advice(
            "A cell cannot stand where the message puts it",
            "The column detail in results.csv names the column, often because of a line break in it; \(correct)."
        ),
        .attachment: Advice(
            "The row's attachment is missing or cannot be read",
            "Check the file's name in the table and that the file is in the folder; \(correct)."
        ),
        .messageTooLarge: Advice(
            "The message with its attachments is too large",
            "Make the attachment smaller and send these rows in a new job, or reach the person another way."
        ),
    ]

    private static let policy: [Reason: Advice] = [
        .optedOut: Advice(
            "The person asked for no more of these messages",
            "Nothing: this is as it should be. If the matter is urgent, use another way."
        ),
        .bounced: Advice(
            "An earlier message to this address could not be delivered",
            "Ask the person for a current address."
        ),
        .complained: Advice(
            "The person reported an earlier message as unwanted",
            "Nothing: do not write to this address. If the matter is urgent, use another way."
        ),
        .suppressedByHand: Advice(
            "Somebody put the address on the suppression list",
            "Nothing, unless that was a mistake: then have it taken off with “wardpost suppress remove”."
        ),
        .noAuthorization: Advice(
            "There is no current authorization for marketing",
            "Obtain the person's written authorization (45 CFR 164.508) before you write to them."
        ),
    ]

    private static let channel: [Reason: Advice] = [
        .tlsNotOffered: Advice(
            "The mail server does not offer encryption",
            "No message left. Your IT department must have the server's encryption switched on; then \(retry)."
        ),
        .tlsHandshake: Advice(
            "No encrypted connection to the mail server could be made",
            "No message left. Your IT department should look at the server's TLS settings; then \(retry)."
        ),
        .tlsInjection: Advice(
            "The mail server sent unencrypted text where none may be, which can be an attack",
            "No message left. Tell your IT security; when they have cleared it up, \(retry)."
        ),
        .certificateUntrusted: Advice(
            "The mail server's certificate is not from a trusted authority",
            "No message left. Your IT department must check that it is the right server; then \(retry)."
        ),
        .certificateExpired: Advice(
            "The mail server's certificate has expired",
            "No message left. Whoever runs the server must renew it; then \(retry)."
        ),
        .certificateNotYetValid: Advice(
            "The mail server's certificate is not valid yet",
            "No message left. Have the clocks and the certificate checked; then \(retry)."
        ),
        .certificateName: Advice(
            "The mail server's certificate is for another name",
            "No message left. Your IT department must check the relay's name in wardpost.yaml; then \(retry)."
        ),
        .certificateRefused: Advice(
            "The mail server's certificate is too weak or made for another use",
            "No message left. Whoever runs the server must replace it; then \(retry)."
        ),
        .requireTLSMissing: Advice(
            "The mail server does not promise to pass messages on over encrypted connections only",
            "No message left. Your IT department must take another relay, or remove require_tls_onward; then \(retry)."
        ),
    ]

    private static let answer: [Reason: Advice] = [
        .mailboxUnknown: Advice(
            "The mailbox does not exist",
            "Ask the person for a current address, correct your records and send these rows in a new job."
        ),
        .mailboxDisabled: Advice(
            "The mailbox does not take mail any more",
            "Ask the person for a current address, correct your records and send these rows in a new job."
        ),
        .mailboxFull: Advice(
            "The mailbox is full",
            "Try again in a few days: \(retry). If it stays full, reach the person another way."
        ),
        .senderRefused: Advice(
            "The mail server does not accept the sender address",
            "Your IT department must allow the job's From address on the relay; then \(retry)."
        ),
        .senderUnauthenticated: Advice(
            "The recipient's server could not tell that the message is really from you",
            "Your IT department must check SPF, DKIM and DMARC of the sender's domain; then send these rows in a new job."
        ),
        .senderBlocked: Advice(
            "The recipient's server has blocked the relay or the sender's domain",
            "The column detail in results.csv says where to ask. Your IT department must have the block lifted."
        ),
        .relayDenied: Advice(
            "The mail server does not pass our mail on",
            "Your IT department must allow this machine to relay, or check its credentials; then \(retry)."
        ),
        .contentRefused: Advice(
            "The mail server refuses the message for its content",
            "Look at the column detail in results.csv; your IT department can ask the server's operator why."
        ),
        .policyRefused: Advice(
            "The mail server refuses the message by its rules",
            "Look at the column detail in results.csv; your IT department can ask the server's operator why."
        ),
        .serverBusy: Advice(
            "The mail server was too busy for as long as the job was allowed to try",
            "Try again later: \(retry)."
        ),
        .authentication: Advice(
            "The mail server does not accept our user name or password",
            "Your IT department must check the route's credentials; then \(retry)."
        ),
        .smtputf8Missing: Advice(
            "The address has letters that the mail server cannot handle",
            "Ask the person for an address in plain letters, or reach them another way."
        ),
        .refused: Advice(
            "The mail server refused the message and did not say why",
            "Look at the column detail in results.csv; your IT department can ask the server's operator."
        ),
    ]

    private static let connection: [Reason: Advice] = [
        .connect: Advice(
            "The mail server could not be reached",
            "Your IT department should check the network and the server; then \(retry)."
        ),
        .connectionLost: Advice(
            "The connection to the mail server kept breaking off before the message was sent",
            "Your IT department should check the network and the server; then \(retry)."
        ),
        .timeout: Advice(
            "The mail server did not answer in time",
            "Try again later: \(retry). If it goes on, tell your IT department."
        ),
        .protocolError: Advice(
            "The mail server's answers made no sense",
            "Tell your IT department; when the server is mended, \(retry)."
        ),
        .answerLost: Advice(
            "The message was sent, but the connection or the machine failed before the server confirmed it",
            "It may have arrived. Ask the person, or look in the server's log. "
                + "To send it again, put a file named RETRY with the row's number in it into this folder."
        ),
    ]

    private static let job: [Reason: Advice] = [
        .stopped: Advice(
            "The job was stopped before these rows were sent",
            "To send them after all, \(retry)."
        ),
        .halted: Advice(
            "The job was halted before these rows were sent, since servers refused too many of the others",
            "Find out why, first. Then drop CONFIRM to send these rows, or RETRY to try the refused ones again, too."
        ),
        .pastNotAfter: Advice(
            "The time allowed for sending ran out",
            "Send these rows in a new job with a later not_after."
        ),
        .contentChanged: Advice(
            "The files in the folder were changed while the job ran",
            "Send these rows in a new job, in a new folder that nobody edits."
        ),
        .folderGone: Advice(
            "The folder was moved or removed while the job ran",
            "Send these rows in a new job."
        ),
    ]
}

extension RowStatus {
    /// The state's name for people.
    var title: String {
        switch self {
        case .sent: "Sent"
        case .failed: "Failed"
        case .invalid: "Invalid"
        case .suppressed: "Suppressed"
        case .held: "Held"
        case .unknown: "Unknown"
        case .cancelled: "Cancelled"
        }
    }

    /// What the state means, for people.
    var meaning: String {
        switch self {
        case .sent: "The mail server took the message over an encrypted, verified connection."
        case .failed: "The mail server refused the message for good."
        case .invalid: "The row could not be made into a message; nothing was sent."
        case .suppressed: "Left out on purpose: an opt-out, a dead address, or no authorization."
        case .held: "Kept back, since the connection could not be trusted."
        case .unknown: "Sent, but the confirmation was lost; it may have arrived."
        case .cancelled: "Not sent, since the job was stopped or its time ran out."
        }
    }
}
