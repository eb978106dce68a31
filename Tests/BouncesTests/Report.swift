/// Reports made up for tests.
enum Report {
    /// A delivery report with one recipient.
    static func delivery(
        to address: String = "anna@example.org",
        action: String = "failed",
        status: String = "5.0.0",
        diagnostic: String,
        extra: String = "",
        words: String = "This is the mail system at host mx.example.net."
    ) -> String {
        """
        Return-Path: <>
        From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
        To: b+token@clinic.example
        Subject: Undelivered Mail Returned to Sender
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

        --=_b
        Content-Type: text/plain; charset=us-ascii

        \(words)

        --=_b
        Content-Type: message/delivery-status

        Reporting-MTA: dns; mx.example.net
        Original-Envelope-Id: env-1

        Final-Recipient: rfc822; \(address)
        Action: \(action)
        Status: \(status)
        Diagnostic-Code: smtp; \(diagnostic)
        \(extra)
        --=_b
        Content-Type: message/rfc822

        Return-Path: <b+token@clinic.example>
        Message-ID: <one@clinic.example>
        Feedback-ID: job:clinic
        From: Clinic <care@clinic.example>
        To: Anna <\(address)>
        Subject: Your visit

        Hello
        --=_b--
        """
    }
}
