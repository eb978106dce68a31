import Compose
import Core
import Intake

extension JobDesign {
    /// What a manifest asks for, in the words of Compose.
    init(
        _ manifest: Manifest,
        header: CSVHeader,
        html: TemplateSource?,
        text: TemplateSource?,
        images: [InlineImage],
        site: SiteConfiguration
    ) {
        let columns = ColumnTable(
            names: header.names,
            plain: Set(manifest.columns.plain.map(\.value)),
            trustedHTML: Set(manifest.trustedHTML.map(\.value)),
            defaults: manifest.defaults.reduce(into: [:]) { $0[$1.column.value] = $1.text.value }
        )
        // A column of the same name is the recipient's own, and goes first.
        var constants = ["site": site.site.value, "postal_address": site.postalAddress?.value ?? ""]
        for name in header.names { constants[name] = nil }
        self.init(
            from: Compose.Mailbox(manifest.from.value),
            replyTo: manifest.replyTo.map { Compose.Mailbox($0.value) },
            subject: TemplateSource(manifest.subject, name: "subject"),
            html: html,
            text: text,
            columns: columns,
            constants: constants,
            nameColumn: manifest.columns.name.flatMap { header.index(of: $0.value) },
            attachments: manifest.attachments.map { attachment in
                AttachmentSpec(
                    file: TemplateSource(attachment.file, name: "attachment"),
                    name: TemplateSource(attachment.name, name: "attachment's name")
                )
            },
            inlineImages: images,
            tracking: TrackingPlan(
                opens: site.verdict(on: .opens, for: manifest).decision.isOn,
                clicks: site.verdict(on: .clicks, for: manifest).decision.isOn,
                decoy: true
            ),
            list: manifest.list?.value,
            isMarketing: manifest.isMarketing,
            language: manifest.language?.value ?? site.language?.value
        )
        hasPages = site.tracking != nil
    }
}

extension Compose.Mailbox {
    init(_ mailbox: Intake.Mailbox) {
        self.init(name: mailbox.displayName, address: mailbox.address)
    }
}

extension TemplateSource {
    /// A template of one line that stands in the manifest.
    init(_ text: Placed<String>, name: String) {
        self.init(
            name: name,
            file: text.place.file,
            bytes: Array(text.value.utf8),
            firstLine: text.place.line,
            firstColumn: text.place.column
        )
    }
}
