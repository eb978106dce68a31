import Core

extension Advice {
    /// What reports say that come back later.
    static let report: [Reason: Advice] = [
        .domainUnknown: Advice(
            "The address's domain does not exist",
            "Often the part behind the @ is misspelt. Ask the person for a current address."
        ),
        .domainWithoutMail: Advice(
            "The address's domain takes no mail",
            "Ask the person for another address."
        ),
        .mailboxMoved: Advice(
            "The mailbox has moved and left no new address",
            "Ask the person for a current address."
        ),
        .recipientRefused: Advice(
            "The recipient, or a filter in the recipient's name, does not take the message",
            "Reach the person another way."
        ),
        .expired: Advice(
            "The message could not be delivered in all the time that there was",
            "Send these rows in a new job later, or reach the person another way."
        ),
        .routing: Advice(
            "No way to the recipient's mail server was found",
            "Send these rows in a new job later, or reach the person another way."
        ),
        .noTLS: Advice(
            "The recipient's mail server cannot be reached over a verified, encrypted connection",
            "Nothing was sent in clear. Reach the person another way, or ask for another address."
        ),
        .spamSuspected: Advice(
            "The recipient's mail server took the message for unwanted mail",
            "Have SPF, DKIM and DMARC of your domain checked, and the wording of the message."
        ),
        .virusSuspected: Advice(
            "The recipient's mail server took the message for a virus",
            "Have the attachments checked."
        ),
        .serverFailed: Advice(
            "The recipient's mail server failed",
            "Send these rows in a new job later."
        ),
        .deliveryProgram: Advice(
            "The program that delivers into the mailbox failed",
            "Send these rows in a new job later."
        ),
    ]
}
