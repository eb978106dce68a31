import Core
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Compose

/// A signing domain with both keys, made once.
enum Signing {
    static let rsa = MailSigningKey.generate(.rsa)
    static let ed25519 = MailSigningKey.generate(.ed25519)
    static let domain = "riverside.example"

    static let signer = MessageSigner(
        domain: domain,
        keys: [.init(selector: "wp-ed25519", key: ed25519), .init(selector: "wp", key: rsa)]
    )

    static let records = [
        "wp._domainkey.\(domain)": "v=DKIM1; k=rsa; p=\(Base64.encode(rsa.publicValue))",
        "wp-ed25519._domainkey.\(domain)": "v=DKIM1; k=ed25519; p=\(Base64.encode(ed25519.publicValue))",
    ]

    /// The four templates that the project ships.
    static let templates = ["visit-summary", "appointment-reminder", "test-result", "newsletter"]

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("templates")

    private static func source(_ name: String) -> TemplateSource? {
        let file = name.hasSuffix(".html") ? name : name + ".html"
        return (try? Data(contentsOf: folder.appendingPathComponent(file))).map {
            TemplateSource(name: name, file: file, bytes: Array($0))
        }
    }

    /// A signed message from a shipped template.
    ///
    /// - Parameters:
    ///   - isForeign: Whether names, subject and the recipient's address need UTF-8.
    ///   - list: The list that it belongs to, which gives it List-Unsubscribe.
    static func message(
        _ template: String,
        isForeign: Bool = false,
        list: String? = nil,
        attachments: Bool = false,
        signer: MessageSigner? = signer
    ) throws -> [UInt8] {
        let names = [
            "first_name", "clinic", "visit_date", "clinician", "next_steps", "appointment_date", "appointment_time",
            "place",
            "preparation",
        ]
        let cells = [
            isForeign ? "Zoë Łukasz" : "Anna", isForeign ? "Klinik am Fluß" : "River Road", "May 3", "Dr. Öztürk",
            "Rest.",
            "June 1", "9:30", "Room  4", "Come early.  ",
        ]
        var design = JobDesign(
            from: Mailbox(
                name: try HeaderValue(isForeign ? "Flußklinik Überlingen" : "Riverside Clinic"),
                address: try Fixture.address("care", domain)
            ),
            replyTo: isForeign ? Mailbox(address: try Fixture.address("desk", domain)) : nil,
            subject: Fixture.source("Your visit at {{clinic}}, {{site}}"),
            html: source(template),
            columns: ColumnTable(names: names, plain: ["clinic"], defaults: [:]),
            constants: ["site": "Riverside Clinic", "postal_address": "1 River Road"],
            nameColumn: 0,
            tracking: TrackingPlan(opens: true, clicks: true),
            list: list,
            language: "en"
        )
        var files: [AttachmentContent] = []
        if attachments {
            design.attachments = [AttachmentSpec(file: Fixture.source("a.pdf"), name: Fixture.source("Übersicht.pdf"))]
            files = [AttachmentContent((0..<9_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) })]
        }
        let recipient = try isForeign ? Fixture.address("zoë.łukasz") : Fixture.address("anna")
        var (scratch, output) = (Scratch(), [UInt8]())
        try Composer(design, loader: { source($0) }, signer: signer).compose(
            row: Row(number: RowNumber(7), line: 8, cells: cells),
            identity: Fixture.identity(),
            date: Fixture.date,
            attachments: files,
            context: Fixture.context(recipient, list: list ?? ""),
            scratch: &scratch,
            into: &output
        )
        return output
    }
}
