/// How a server says yes, learnt from a message that went by DATA: what shows whether later answers are still in step.
///
/// DATA has an answer that no other command has, 354. By BDAT a message is answered with 250, 250, 250, 250, and one answer
/// too many would make the next RCPT's yes look like the yes to a message's end: a row would be called sent that is not. So
/// each yes is compared with what the server said before:
///
/// - with enhanced codes, MAIL and RCPT are answered with 2.1.z, a message's end with another subject, or now and then
///   with none;
/// - without, a message's end is answered with other words than MAIL, RCPT and RSET.
///
/// Where neither holds, answers cannot be told apart, and there is no style: messages go by DATA.
struct AnswerStyle: Sendable {
    private let hasCodes: Bool
    private let mail: [UInt8]
    private let recipient: [UInt8]
    private let end: [UInt8]
    private var reset: [UInt8]?

    /// Learns from the three yeses to one message; `nil` if they cannot be told apart.
    init?(mail: Reply, recipient: Reply, end: Reply) {
        hasCodes = mail.isAboutAddress && recipient.isAboutAddress
        (self.mail, self.recipient, self.end) = (mail.text, recipient.text, end.text)
        if hasCodes {
            guard !end.isAboutAddress else { return nil }
        } else {
            // Words that hold the row's address are different each time, and would never be found again.
            let hasAddress = recipient.text.contains { $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: "<") }
            guard !hasAddress, !end.isAboutAddress, end.text != mail.text, end.text != recipient.text else {
                return nil
            }
        }
    }

    /// Notes how the server says yes to RSET.
    mutating func note(reset reply: Reply) {
        if reset == nil { reset = reply.text }
    }

    /// Whether a yes may be the answer to a command of that stage.
    func fits(_ reply: Reply, _ stage: Stage) -> Bool {
        switch stage {
        case .mail, .recipient:
            // 251 and 252 are answers that only RCPT has.
            !hasCodes || reply.code != 250 || reply.enhanced == nil || reply.isAboutAddress
        case .end:
            hasCodes
                ? !reply.isAboutAddress
                : reply.text != mail && reply.text != recipient && (reply.text != reset || reset == end)
        default: true
        }
    }
}

extension Reply {
    /// Whether its enhanced code is about an address: 2.1.z.
    fileprivate var isAboutAddress: Bool {
        enhanced?.subject == 1
    }
}
