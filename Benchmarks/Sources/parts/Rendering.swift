import Compose
import Core
import Files
import Intake
import OpenSSL

/// Making messages from a table and templates.
struct Rendering {
    let table: RecipientTable
    let composer: Composer
    private let address: Int
    private let job: JobID
    private let key = HMACSHA256(key: SecretBytes(random: 32))

    /// What is missing from a folder.
    struct Incomplete: Error {}

    /// Compiles the templates of a folder.
    init(folder path: String, signer: MessageSigner? = nil) throws {
        let folder = try JobFolder(opening: path)
        table = try RecipientTable(pinning: "recipients.csv", in: folder)
        guard let address = table.header.index(of: "email"),
            let job = JobID(digest: [UInt8](repeating: 1, count: JobID.digestLength))
        else { throw Incomplete() }
        self.address = address
        self.job = job
        composer = try Composer(try Self.design(folder.directory, table.header), signer: signer)
    }

    /// Makes every row's message, with its Message-ID and boundaries, and drops it.
    static func render(folder path: String) throws -> String {
        let (count, octets) = try Rendering(folder: path).run()
        return #"{"count": \#(count), "octets": \#(octets)}"#
    }

    /// Makes every row's message.
    func run() throws -> (count: Int, octets: Int) {
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
        return (count, octets)
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
