import Core
import Intake
import Testing

/// Every way in which a manifest can be wrong: the whole text of what is said about it.
@Suite struct ManifestErrorTests {
    /// A line put in place of the contract example's line of that number, and what is said.
    static let lines: [(line: Int, text: String, said: String)] = [
        (
            1, "nam: Visit",
            "manifest.yaml:1:1: unknown key \"nam\"; did you mean \"name\"?\nmanifest.yaml:1:1: \"name\" "
                + "is missing; add `name: …`"
        ),
        (1, "name: {a: b}", "manifest.yaml:1:7: \"name\" must be a text, not a mapping"),
        (
            2, "purpose: treatmant",
            "manifest.yaml:2:10: purpose must be treatment, payment, operations or marketing, not "
                + "\"treatmant\"; did you mean \"treatment\"?"
        ),
        (
            2, "purpose: research",
            "manifest.yaml:2:10: purpose must be treatment, payment, operations or marketing, not "
                + "\"research\""
        ),
        (2, "# none", "manifest.yaml:1:1: \"purpose\" is missing; add `purpose: …`"),
        (
            3, "from: Riverside Clinic",
            "manifest.yaml:3:7: \"from\" is no mailbox: an address needs one @; write it like Riverside "
                + "Clinic <care@riverside.example>"
        ),
        (
            3, "from: Riverside Clinic care@riverside.example",
            "manifest.yaml:3:7: \"from\" is no mailbox: a name is followed by the address in angle "
                + "brackets: Name <name@domain>; write it like Riverside Clinic <care@riverside.example>"
        ),
        (
            3, "from: Clinic, Riverside <care@riverside.example>",
            "manifest.yaml:3:7: \"from\" is no mailbox: a name with , in it needs double quotes; write it "
                + "like '\"Clinic, Riverside\" <care@riverside.example>'"
        ),
        (
            3, "from: a@riverside.example, b@riverside.example",
            "manifest.yaml:3:7: \"from\" is no mailbox: there must be one mailbox only; write it like "
                + "Riverside Clinic <care@riverside.example>"
        ),
        (
            3, "from: Clinic (main) <care@riverside.example>",
            "manifest.yaml:3:7: \"from\" is no mailbox: a comment in parentheses is not taken; write it "
                + "like Riverside Clinic <care@riverside.example>"
        ),
        (
            3, "from: =?utf-8?q?Clinic?= <care@riverside.example>",
            "manifest.yaml:3:7: \"from\" is no mailbox: a name is written as people read it, not as an "
                + "encoded word; write it like Riverside Clinic <care@riverside.example>"
        ),
        (
            3, "from: Clinic <care@riverside>",
            "manifest.yaml:3:7: \"from\" is no mailbox: the domain must be labels of letters, digits and "
                + "inner hyphens with a dot between; write it like Riverside Clinic <care@riverside.example>"
        ),
        (
            4, "subject: |\n  a\n  b",
            "manifest.yaml:5:3: \"subject\" must be one line without control characters; write it on one "
                + "line"
        ),
        (4, "subject: ''", "manifest.yaml:4:11: \"subject\" is empty; write a text"),
        (
            4, "subject: \"a\\0b\"",
            "manifest.yaml:4:11: \"subject\" must be one line without control characters; remove the "
                + "control character"
        ),
        (
            5, "template: visit-summary.html",
            "manifest.yaml:5:11: \"template\" is a name without .html; write \"visit-summary\""
        ),
        (
            5, "template: ../visit",
            "manifest.yaml:5:11: \"template\" cannot be \"../visit\": `..` leads out of the folder; name a "
                + "file in the job folder"
        ),
        (
            7, "recipients: /etc/passwd",
            "manifest.yaml:7:13: \"recipients\" cannot be \"/etc/passwd\": a path from the root leaves the "
                + "folder; name a file in the job folder"
        ),
        (
            7, "recipients: recipients.csv.part",
            "manifest.yaml:7:13: \"recipients\" cannot be \"recipients.csv.part\": the name looks like an "
                + "upload that is not finished; name a file in the job folder"
        ),
        (
            7, "recipients: results.csv",
            "manifest.yaml:7:13: \"recipients\" cannot be \"results.csv\": Wardpost itself reads or writes "
                + "a file of that name; name a file in the job folder"
        ),
        (
            7, "recipients: https://x.example/r.csv",
            "manifest.yaml:7:13: \"recipients\" cannot be \"https://x.example/r.csv\": nothing is fetched "
                + "from elsewhere; only files of the folder are read; name a file in the job folder"
        ),
        (
            8, "columns: [email]\nx:",
            "manifest.yaml:8:10: \"columns\" must be a mapping, not a list; write keys and values: "
                + "address, key, name, tz, no_tracking, language or plain\nmanifest.yaml:9:1: unknown key \"x\"; known here: name, purpose, "
                + "from, subject, template, recipients, columns, reply_to, route, attachments, inline_images, "
                + "tracking, list, not_before, not_after, window, holidays, rate, defaults, trusted_html and "
                + "others"
        ),
        (
            9, "  adress: email",
            "manifest.yaml:8:1: \"columns.address\" is missing; add `address: …`\nmanifest.yaml:9:3: "
                + "unknown key \"adress\" in \"columns\"; did you mean \"address\"?"
        ),
        (
            9, "  address: patient_ref",
            "manifest.yaml:10:8: the key cannot be the address column; name a column that tells two people "
                + "with one mailbox apart"
        ),
        (
            12, "  plain: first_name",
            "manifest.yaml:12:10: \"columns.plain\" must be a list of columns, not a text; write it in "
                + "brackets: [a, b]"
        ),
        (
            12, "  plain: [first_name, first_name]",
            "manifest.yaml:12:23: \"first_name\" stands twice in \"columns.plain\"; remove one"
        ),
        (12, "  plain: [[first_name]]", "manifest.yaml:12:11: each of \"columns.plain\" must be a text, not a list"),
        (12, "  plain: [~]", "manifest.yaml:12:11: each of \"columns.plain\" must be a text, not nothing"),
        (
            13, "reply_to: nobody",
            "manifest.yaml:13:11: \"reply_to\" is no mailbox: an address needs one @; write it like "
                + "Riverside Clinic <care@riverside.example>"
        ),
        (14, "route:", "manifest.yaml:14:1: \"route\" has no value; write one, or remove the line"),
        (
            15, "attachments: letter.pdf",
            "manifest.yaml:15:14: \"attachments\" must be a list of files, not a text; write it in "
                + "brackets: [a, b]"
        ),
        (
            15, "attachments: [letter.pdf]",
            "manifest.yaml:15:15: each of \"attachments\" must be a mapping, not a text; write keys and "
                + "values: file or name"
        ),
        (15, "attachments: [{name: a.pdf}]", "manifest.yaml:15:15: \"attachments.file\" is missing; add `file: …`"),
        (
            15, "attachments: [{file: \"{{letter}}\"}]",
            "manifest.yaml:15:15: \"attachments.name\" is missing; add the name that recipients see, such "
                + "as `name: letter.pdf`"
        ),
        (
            15, "attachments: [{file: \"../{{letter}}\", name: a.pdf}]",
            "manifest.yaml:15:23: \"attachments.file\" cannot be \"../{{letter}}\": `..` leads out of the "
                + "folder; name a file in the job folder"
        ),
        (
            15, "attachments: [{file: a.pdf, name: b/a.pdf}]",
            "manifest.yaml:15:35: \"attachments.name\" must be a file's name without folders; write it "
                + "like letter.pdf"
        ),
        (
            15, "attachments: [{file: recipients.csv}]",
            "manifest.yaml:15:22: the recipient file cannot be sent: it holds everybody's data; name the "
                + "file that each person is to get"
        ),
        (
            15, "inline_images: [{file: a.png, id: a b}]",
            "manifest.yaml:15:35: \"inline_images.id\" must be a content id of letters, digits, hyphens, "
                + "dots and underscores, not \"a b\"; write it like logo, and use it as cid:logo in the template"
        ),
        (
            15, "inline_images: [{file: a.png, id: x}, {file: b.png, id: x}]",
            "manifest.yaml:15:57: the content id \"x\" is given twice; give each picture its own"
        ),
        (15, "inline_images: [{file: a.png}]", "manifest.yaml:15:17: \"inline_images.id\" is missing; add `id: …`"),
        (
            16, "tracking: true",
            "manifest.yaml:16:11: \"tracking\" must be a mapping, not a text; write keys and values: opens "
                + "or clicks"
        ),
        (
            16, "tracking: {opens: yes}",
            "manifest.yaml:16:19: \"tracking.opens\" must be true or false, not \"yes\"; write true or "
                + "false, without quotes"
        ),
        (
            16, "tracking: {open: true}",
            "manifest.yaml:16:12: unknown key \"open\" in \"tracking\"; did you mean \"opens\"?"
        ),
        (
            17, "list: my list",
            "manifest.yaml:17:7: \"list\" must be letters, digits, hyphens, dots and underscores, at most "
                + "64, not \"my list\""
        ),
        (
            18, "not_before: tomorrow",
            "manifest.yaml:18:13: \"not_before\" must be a time such as 2026-11-22 08:00, not "
                + "\"tomorrow\"; seconds and an offset may follow: 2026-11-22 08:00:00 +01:00"
        ),
        (
            18, "not_before: 2026-02-30 08:00",
            "manifest.yaml:18:13: \"not_before\" must be a time such as 2026-11-22 08:00, not \"2026-02-30 "
                + "08:00\"; seconds and an offset may follow: 2026-11-22 08:00:00 +01:00"
        ),
        (
            18, "not_before: 2026-11-22",
            "manifest.yaml:18:13: \"not_before\" must be a time such as 2026-11-22 08:00, not "
                + "\"2026-11-22\"; seconds and an offset may follow: 2026-11-22 08:00:00 +01:00"
        ),
        (
            20, "window: weekdays",
            "manifest.yaml:20:9: \"window\" must be days and hours such as Mon-Fri 08:00-18:00, not "
                + "\"weekdays\""
        ),
        (
            20, "window: [Mon-Fri 08:00-18:00, x]",
            "manifest.yaml:20:31: each of \"window\" must be days and hours such as Mon-Fri 08:00-18:00, "
                + "not \"x\""
        ),
        (
            20, "window: []",
            "manifest.yaml:20:9: \"window\" is empty; remove it, or write days and hours such as Mon-Fri "
                + "08:00-18:00"
        ),
        (
            21, "rate: 20 per second",
            "manifest.yaml:21:7: \"rate\" must be a number in a time such as 50/s, 600/min or 10000/h, not "
                + "\"20 per second\""
        ),
        (
            21, "defaults: {email: x}",
            "manifest.yaml:21:12: the column \"email\" cannot have a default; every row needs an address "
                + "and a key of its own"
        ),
        (21, "defaults: {a: ~}", "manifest.yaml:21:15: \"defaults.a\" must be a text, not nothing"),
        (
            21, "defaults: [a]",
            "manifest.yaml:21:11: \"defaults\" must be a mapping, not a list; write `column: text` below it"
        ),
        (21, "defaults: {a: [b]}", "manifest.yaml:21:15: \"defaults.a\" must be a text, not a list"),
        (
            21, "encoding: latin-1",
            "manifest.yaml:21:11: encoding must be utf-8, utf-16 or windows-1252, not \"latin-1\""
        ),
        (
            21, "encoding: windows1252",
            "manifest.yaml:21:11: encoding must be utf-8, utf-16 or windows-1252, not \"windows1252\"; did "
                + "you mean \"windows-1252\"?"
        ),
        (
            21, "delimiter: x",
            "manifest.yaml:21:12: \"delimiter\" must be comma, semicolon or tab; write one of the "
                + "words"
        ),
        (21, "language: e", "manifest.yaml:21:11: \"language\" must be a language tag such as en or de-CH, not \"e\""),
        (
            21, "trusted_html: body",
            "manifest.yaml:21:15: \"trusted_html\" must be a list of columns, not a text; write it in "
                + "brackets: [a, b]"
        ),
    ]

    @Test(arguments: lines)
    func `a wrong line is told with its place`(line: Int, text: String, said: String) {
        var lines = ManifestTests.contract.split(separator: "\n", omittingEmptySubsequences: false)
        lines[line - 1] = text[...]
        #expect(ManifestTests.said(lines.joined(separator: "\n")) == said)
    }
}
