@testable import API
import Bounces
import Compose
import Core
@testable import Engine
@testable import Intake
import OpenSSL
@testable import Tracking

/// A message in the bounce mailbox, and whether it is about a message of ours: none is without our token.
func readBounce(_ bytes: [UInt8]) {
    let message = reader.read(bytes)
    if case .note = mailbox.meaning(message, bytes) { preconditionFailure("a token was forged") }
    precondition(message.recipients.count <= 100 && message.sentTo.count <= 50)
    precondition(message.recipients.allSatisfy { $0.diagnostic.exposed.utf8.count <= 4 << 10 })
}

private let reader = BounceReader()
private let mailbox = ReturnedMailReader(
    reader: reader,
    returnPath: ReturnPath(domain: "b.clinic.example", key: secret, tagger: tagger),
    tagger: tagger
)
private let secret = SecretBytes(copying: [UInt8](repeating: 7, count: 32))
private let tagger = AddressTagger(key: secret)

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
    guard let table = table(bytes) else { return }
    var row = CSVRow()
    while (try? table.next(into: &row)) == true {}
}

/// A suppression list of this or another system, as a table.
func readSuppressions(_ bytes: [UInt8]) {
    guard let table = table(bytes) else { return }
    let columns = SuppressionWords.Columns(table.header.names)
    var rows = SuppressionRows(columns, .anything, tagger: tagger, mark: "0011aabb")
    var row = CSVRow()
    while (try? table.next(into: &row)) == true { _ = try? rows.record(row) }
}

private func table(_ bytes: [UInt8]) -> CSVReader? {
    var survey = EncodingSurvey()
    survey.consume(bytes)
    guard let encoding = try? survey.verdict(declared: nil) else { return nil }
    var isGiven = false
    return try? CSVReader(file: "t.csv", encoding: encoding) { output in
        output = isGiven ? [] : bytes
        defer { isGiven = true }
        return !isGiven
    }
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

/// A site's own rules for telling programs from people, and what they make of a request.
func readAutomation(_ bytes: [UInt8]) {
    guard let rules = try? AutomationRules.parse(bytes: bytes, file: "automation.yaml") else { return }
    for agent in ["", "Mozilla/5.0 (Windows NT 10.0) GoogleImageProxy", "curl/8"] {
        _ = Classifier(rules).classify(.click, method: "GET", agent: agent, address: places.first) { _ in "prefetch" }
    }
}

/// A MaxMind DB file, and where it says that addresses are.
func readPlace(_ bytes: [UInt8]) {
    Scratch.write(bytes, "place")
    guard let database = try? PlaceDatabase(path: Scratch.path + "/place") else { return }
    for address in places {
        guard let place = database.place(of: address) else { continue }
        precondition(
            (1...300).contains(place.country.utf8.count) && place.city.unicodeScalars.allSatisfy(HeaderValue.allows)
        )
    }
}

private let places = [
    "192.0.2.7", "198.51.100.7", "203.0.113.5", "2001:db8::1", "2001:db8:7::1", "0.0.0.0", "255.255.255.255", "::",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
].compactMap { ClientAddress($0) }

/// A list of holidays, or a calendar.
func readHolidays(_ bytes: [UInt8]) {
    _ = try? Holidays.parse(bytes, file: "holidays.ics")
}

/// The file of the API's keys.
func readKeys(_ bytes: [UInt8]) {
    guard let keys = try? APIKeys.parse(bytes: bytes, file: "api-keys.yaml") else { return }
    for key in keys.all.prefix(2) {
        guard let rest = try? APIKeys.removing(key.name, from: bytes, file: "api-keys.yaml") else { continue }
        let left = try? APIKeys.parse(bytes: rest, file: "api-keys.yaml").all
        precondition(left == keys.all.filter { $0 != key }, "taking a key out changed another")
    }
}
