import Foundation

/// A job as a clinic's office would make it, with every cell that ever broke a mail merge, and what each row asked for.
struct ClinicJob: Sendable {
    static let columns = [
        "email", "ref", "full_name", "first_name", "amount", "number", "notes", "letter",
    ]

    /// One row: the cells as a person typed them.
    struct Row: Sendable {
        var email: String
        var ref: String
        var name: String
        var firstName: String
        var amount = "0,00 €"
        var number = "1"
        var notes = "Alles in Ordnung."
        var letter: String

        var cells: [String] { [email, ref, name, firstName, amount, number, notes, letter] }
        var isEmptied: Bool { email.isEmpty }

        /// What the text part must say.
        var text: String {
            "Guten Tag \(name),\n\nNr. \(ref), Betrag \(amount), Konto \(number).\nBefund: \(notes)\n"
        }
    }

    let rows: [Row]
    let letters: [String: Data]

    init() {
        let odd: [(name: String, first: String, change: (inout Row) -> Void)] = [
            ("Jürgen Müller", "Jürgen", { $0.amount = "1.234,50 €" }),
            ("Anna \"Anni\" Groß", "Anna", { $0.notes = "Sie sagte: \"Nein; danke\"." }),
            ("Renée Äußerst", "Renée", { $0.notes = "erste Zeile\nzweite Zeile\n\nvierte; mit Semikolon" }),
            ("Karl Straße", "Karl", { $0.ref = "000123" }),
            ("Lange Zahl", "Lange", { $0.number = "12345678901234567890123" }),
            ("Kind Eins", "Eins", { $0.email = "familie@kunde.test" }),
            ("Kind Zwei", "Zwei", { $0.email = "familie@kunde.test" }),
            ("Ida Domäne", "Ida", { $0.email = "ida@bücher.test" }),
            ("Doe, Jane, M.D.", "Jane", { $0.notes = "a,b,c" }),
            ("Formel Eins", "Formel", { $0.notes = "=1+1" }),
            ("Minus Fünf", "Minus", { $0.ref = "-5" }),
            ("Gleich Zeichen", "Gleich", { $0.ref = "=SUM(A1)" }),
            ("Tags <b>Fett</b>", "Tags", { $0.notes = "<script>alert(1)</script> & &amp; {{full_name}}" }),
            ("Punkt Zeile", "Punkt", { $0.notes = "vor\n.\n..zwei\nFrom hier\nQUIT" }),
            ("Kluge „Anführung“ – Strich…", "Kluge", { $0.notes = "‚einfach‘ und “doppelt” ™ •" }),
            ("Lang Wort", "Lang", { $0.notes = String(repeating: "Wort", count: 800) }),
            ("Viele Zeilen", "Viele", { $0.notes = (1...60).map { "Zeile \($0) äöü" }.joined(separator: "\n") }),
            ("Null Null", "Null", { $0.number = "007" }),
            ("Zeit Stempel", "Zeit", { $0.number = "2026-01-02" }),
            ("Wahr Falsch", "Wahr", { $0.number = "TRUE" }),
            ("Plus Nummer", "Plus", { $0.number = "+49 170 0000000" }),
            ("Doppel \"\" Quote", "Doppel", { $0.notes = "\"\"" }),
            ("Gleich=Zeichen =?utf-8?q?x?=", "Wort", { $0.notes = "=?utf-8?q?=41?= =20 =3D" }),
        ]
        var generator = SeededGenerator(seed: 7)
        var rows: [Row] = []
        var letters: [String: Data] = [:]
        for index in 1...40 {
            let letter = "brief-\(index).pdf"
            var row = Row(
                email: "patient\(index)@kunde.test",
                ref: "P-\(1_000 + index)",
                name: "Patient Nummer \(index)",
                firstName: "Patient",
                letter: letter
            )
            if index % 20 == 11 {
                // A line that somebody emptied instead of deleting it.
                rows.append(
                    Row(email: "", ref: "", name: "", firstName: "", amount: "", number: "", notes: "", letter: "")
                )
                continue
            }
            if index - 1 < odd.count {
                (row.name, row.firstName) = (odd[index - 1].name, odd[index - 1].first)
                odd[index - 1].change(&row)
            }
            let size = Int(generator.next() % 40_000)
            letters[letter] =
                Data("%PDF-1.4\n".utf8) + Data((0..<size).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
            rows.append(row)
        }
        self.rows = rows
        self.letters = letters
    }

    static let manifest = """
        name: Befunde
        purpose: treatment
        from: Praxis am Fluß <praxis@clinic.test>
        subject: Ihr Besuch bei uns, {{first_name}}
        template: befund
        recipients: recipients.csv
        encoding: windows-1252
        columns:
          address: email
          key: ref
          name: full_name
          plain: [first_name]
        attachments: [{file: "briefe/{{letter}}", name: Befund.pdf}]
        tracking: {opens: true, clicks: true}

        """

    static let text = """
        Guten Tag {{full_name}},

        Nr. {{ref}}, Betrag {{amount}}, Konto {{number}}.
        Befund: {{notes}}

        """

    /// The HTML leads to a page of ours.
    static func html(link: String) -> String {
        """
        <!doctype html>
        <html lang="de"><head><meta charset="utf-8"><title>Befund</title></head>
        <body><p>Guten Tag <b id="name">{{full_name}}</b>, <span id="ref">{{ref}}</span></p>
        <p id="amount">{{amount}}</p><p id="number">{{number}}</p><pre id="notes">{{notes}}</pre>
        <p><a href="\(link)">Zum Portal</a></p></body></html>

        """
    }
}

/// A repeatable source of numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
