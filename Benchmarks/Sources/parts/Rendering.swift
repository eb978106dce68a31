import Compose
import Core
import Files
import Intake
import OpenSSL

/// Making messages from a table and templates.
enum Rendering {
    /// Makes every row's message, with its Message-ID and boundaries, and drops it.
    static func render(folder path: String) throws -> String {
        let folder = try JobFolder(opening: path)
        let table = try RecipientTable(pinning: "recipients.csv", in: folder)
        guard let address = table.header.index(of: "email"),
            let job = JobID(digest: [UInt8](repeating: 1, count: JobID.digestLength))
        else { return "{}" }
        let composer = try Composer(try design(folder.directory, table.header))
        let key = HMACSHA256(key: SecretBytes(random: 32))
        let reader = try table.reader()
        var line = CSVRow()
        var scratch = Scratch()
        var message: [UInt8] = []
        var count = 0
        var octets = 0
        while try reader.next(into: &line) {
            let recipient = try AddressParser.parse(line.row[address])
            let number = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: line.row.number.value >> UInt32($0)) }
            guard let identity = MessageIdentity(digest: key.tag(of: number), domain: "clinic.test") else { continue }
            try composer.compose(
                row: line.row,
                identity: identity,
                date: Timestamp(seconds: 1_800_000_000),
                context: RenderContext(job: job, recipient: recipient),
                scratch: &scratch,
                into: &message
            )
            count += 1
            octets += message.count
        }
        return #"{"count": \#(count), "octets": \#(octets)}"#
    }

    private static func design(_ folder: Directory, _ header: CSVHeader) throws -> JobDesign {
        func source(_ name: String) throws -> TemplateSource {
            TemplateSource(name: name, file: name, bytes: try folder.read(name, limit: 1 << 20))
        }
        let sender = try AddressParser.parse("visits@clinic.test")
        let subject = "Your visit on {{visit_date}}, {{first_name}}"
        return JobDesign(
            from: Mailbox(name: try HeaderValue("Northside Clinic"), address: sender),
            subject: TemplateSource(name: "subject", file: "manifest.yaml", bytes: Array(subject.utf8)),
            html: try source("letter.html"),
            text: try source("letter.txt"),
            columns: ColumnTable(
                names: header.names,
                plain: ["first_name", "clinic", "visit_date", "reference"]
            )
        )
    }
}

private typealias Mailbox = Compose.Mailbox
