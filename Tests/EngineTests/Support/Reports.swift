import Core
import Foundation
import Tracking

@testable import Engine

/// Mail as it comes back: reports that other servers would write.
enum Reports {
    /// A delivery report (RFC 3464) as Postfix writes it.
    ///
    /// - Parameters:
    ///   - returnPath: Where it goes.
    ///   - recipient: Whom it is about.
    ///   - action: `failed`, `delayed`, `delivered`.
    ///   - status: The enhanced status code.
    ///   - says: What the refusing server said.
    static func delivery(
        to returnPath: String,
        about recipient: String,
        action: String = "failed",
        status: String = "5.1.1",
        says: String = "550 5.1.1 User unknown"
    ) -> String {
        let isDelay = action == "delayed"
        return """
            Return-Path: <>
            Delivered-To: \(returnPath)
            Received: by mx.example (Postfix) id 4XyZ; Sat, 21 Nov 2026 12:00:00 +0000 (UTC)
            Date: Sat, 21 Nov 2026 12:00:00 +0000 (UTC)
            From: MAILER-DAEMON@mx.example (Mail Delivery System)
            Subject: \(isDelay ? "Delayed Mail (still being retried)" : "Undelivered Mail Returned to Sender")
            To: \(returnPath)
            Auto-Submitted: auto-replied
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=delivery-status; boundary="4XyZ.mx.example"
            Message-Id: <4XyZ.\(UInt32.random(in: 0 ... .max))@mx.example>

            This is a MIME-encapsulated message.

            --4XyZ.mx.example
            Content-Description: Notification
            Content-Type: text/plain; charset=us-ascii

            This is the mail system at host mx.example.

            \(isDelay ? "YOU DO NOT NEED TO RESEND YOUR MESSAGE." : "I'm sorry to have to inform you that your message could not be delivered.")

            <\(recipient)>: host mail.example[192.0.2.1] said: \(says)

            --4XyZ.mx.example
            Content-Description: Delivery report
            Content-Type: message/delivery-status

            Reporting-MTA: dns; mx.example
            X-Postfix-Queue-ID: 4XyZ
            Arrival-Date: Sat, 21 Nov 2026 11:59:00 +0000 (UTC)

            Final-Recipient: rfc822; \(recipient)
            Original-Recipient: rfc822;\(recipient)
            Action: \(action)
            Status: \(status)
            Remote-MTA: dns; mail.example
            Diagnostic-Code: smtp; \(says)

            --4XyZ.mx.example
            Content-Description: Undelivered Message Headers
            Content-Type: text/rfc822-headers

            From: Riverside Clinic <care@riverside.example>
            To: \(recipient)
            Subject: Your visit

            --4XyZ.mx.example--

            """
    }

    /// A feedback report (RFC 5965); it goes to an address of the site's, and the message in it has the token.
    static func complaint(about returnPath: String, kind: String = "abuse", recipient: String? = nil) -> String {
        """
        From: <abusedesk@example.com>
        Date: Sat, 21 Nov 2026 17:40:36 +0000
        Subject: FW: Your visit
        To: <fbl@riverside.example>
        Message-ID: <fbl-\(UInt32.random(in: 0 ... .max))@example.com>
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=feedback-report; boundary="part1_13d.2e68ed54_boundary"

        --part1_13d.2e68ed54_boundary
        Content-Type: text/plain; charset="US-ASCII"
        Content-Transfer-Encoding: 7bit

        This is an email abuse report for an email message.

        --part1_13d.2e68ed54_boundary
        Content-Type: message/feedback-report

        Feedback-Type: \(kind)
        User-Agent: SomeGenerator/1.0
        Version: 1
        Original-Mail-From: <\(returnPath)>
        \(recipient.map { "Original-Rcpt-To: <\($0)>\n" } ?? "")Arrival-Date: Sat, 21 Nov 2026 14:00:00 +0000

        --part1_13d.2e68ed54_boundary
        Content-Type: message/rfc822
        Content-Disposition: inline

        From: Riverside Clinic <care@riverside.example>
        Received: from mail.riverside.example by example.com; Sat, 21 Nov 2026 14:00:00 +0000
        To: \(recipient ?? "<redacted>")
        Subject: Your visit
        Date: Sat, 21 Nov 2026 13:59:00 +0000

        Your note.

        --part1_13d.2e68ed54_boundary--

        """
    }

    /// What a mail program sends when somebody takes `mailto:` to get off a list.
    static func optOut(to address: String, from sender: String = "somebody@example.test") -> String {
        """
        From: \(sender)
        To: \(address)
        Subject: unsubscribe
        Date: Sat, 21 Nov 2026 12:00:00 +0000
        Message-ID: <out-\(UInt32.random(in: 0 ... .max))@example.test>
        MIME-Version: 1.0
        Content-Type: text/plain

        unsubscribe

        """
    }

    /// Somebody's letter, which is no report at all.
    static func letter(to address: String) -> String {
        """
        From: Ada <ada@example.test>
        To: \(address)
        Subject: Re: Your visit
        Date: Sat, 21 Nov 2026 12:00:00 +0000
        MIME-Version: 1.0
        Content-Type: text/plain

        Thank you, I will come on Tuesday.

        """
    }
}
