import Bounces
import Compose
import Core
@testable import Intake

/// A message in the bounce mailbox.
func readBounce(_ bytes: [UInt8]) {
    let message = reader.read(bytes)
    precondition(message.recipients.count <= 100 && message.sentTo.count <= 50)
    precondition(message.recipients.allSatisfy { $0.diagnostic.exposed.utf8.count <= 4 << 10 })
}

private let reader = BounceReader()

/// A site's own bounce rules, and what they make of a report.
func readRules(_ bytes: [UInt8]) {
    guard let rules = try? BounceRules(reading: bytes, file: "rules.yaml") else { return }
    _ = BounceReader(rules: rules).read(Array("Subject: failure notice\n\n<a@b.example>:\n550 no\n".utf8))
}

/// A job's manifest.
func readManifest(_ bytes: [UInt8]) {
    _ = try? Manifest.parse(bytes: bytes)
}

/// A site's configuration.
func readSite(_ bytes: [UInt8]) {
    _ = try? SiteConfiguration.parse(bytes: bytes)
}

/// A recipient table.
func readTable(_ bytes: [UInt8]) {
    var survey = EncodingSurvey()
    survey.consume(bytes)
    guard let encoding = try? survey.verdict(declared: nil) else { return }
    var isGiven = false
    let source: ByteSource = { output in
        output = isGiven ? [] : bytes
        defer { isGiven = true }
        return !isGiven
    }
    guard let table = try? CSVReader(file: "t.csv", encoding: encoding, source: source) else { return }
    var row = CSVRow()
    while (try? table.next(into: &row)) == true {}
}

/// A template, as HTML and as text, filled with one row.
func readTemplate(_ bytes: [UInt8]) {
    var compiler = TemplateCompiler(
        columns: ColumnTable(names: ["email", "name"], plain: ["name"]),
        constants: ["site": "Clinic"],
        hasUnsubscribeURL: true,
        tracking: TrackingPlan(opens: true, clicks: true)
    )
    let source = TemplateSource(name: "t", file: "t.html", bytes: bytes)
    var problems: [Diagnostic] = []
    _ = compiler.compileHTML(source, diagnostics: &problems)
    _ = compiler.compileText(source, diagnostics: &problems)
    _ = compiler.deriveText(fromHTML: source, diagnostics: &problems)
    _ = compiler.compileHeader(source, diagnostics: &problems)
}

/// An address in a cell.
func readAddress(_ bytes: [UInt8]) {
    guard let address = try? AddressParser.parse(bytes[...]) else { return }
    precondition(address.text.utf8.count <= 254)
    _ = address.canonical
}
