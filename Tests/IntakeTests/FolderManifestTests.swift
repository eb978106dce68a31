import Intake
import Testing

@Suite("Files that a manifest names")
struct FolderManifestTests {
    private let text = """
        name: Visit summary
        purpose: treatment
        from: Clinic <care@riverside.example>
        subject: Your visit
        template: visit
        recipients: people.csv
        columns: {address: email, key: ref}
        attachments: [{file: "letters/{{letter}}", name: a.pdf}, {file: leaflet.pdf, name: leaflet.pdf}]
        """

    @Test("recipients, one form of the template, and attachments whose name is fixed")
    func required() throws {
        let manifest = try Manifest.parse(bytes: Array(text.utf8))
        let inJob = [
            RequiredFile("people.csv"), RequiredFile(anyOf: ["visit.html", "visit.txt"]), RequiredFile("leaflet.pdf"),
        ]
        #expect(manifest.requiredFiles { _ in false } == inJob)
        #expect(manifest.requiredFiles { $0 == "visit.txt" } == [inJob[0], inJob[2]])
    }

    @Test("a folder waits for what its own manifest names")
    func waits() throws {
        let area = try DropArea()
        var scan = FolderScan("job", in: area.jobs)
        let now = ContinuousClock.now
        func look() -> FolderScan.State {
            scan.state(settle: .zero, now: now) { folder in
                guard let bytes = try? folder.pin("manifest.yaml", as: .manifest).contents(),
                    let manifest = try? Manifest.parse(bytes: bytes)
                else { return nil }
                return manifest.requiredFiles { _ in false }
            }
        }
        try area.drop("manifest.yaml", text)
        #expect(look() == .incomplete("people.csv is not there yet"))
        try area.drop("people.csv")
        #expect(look() == .incomplete("visit.html or visit.txt is not there yet"))
        try area.drop("visit.html")
        #expect(look() == .incomplete("leaflet.pdf is not there yet"))
        try area.drop("leaflet.pdf")
        #expect(look() == .ready)
    }
}
