/// The words of a report: what stands before the message that it gives back, line by line.
struct ReportText {
    /// The lines of the report itself.
    private(set) var lines: [String] = []
    /// Those and the lines behind them.
    private(set) var all: [String] = []
    /// The header fields of the message that it gives back in its text.
    private(set) var returned: [HeaderField] = []

    /// The lines of a message's text parts up to where it gives a message back.
    init(_ message: MIMEPart, ends: [[UInt8]]) {
        var texts: [String] = []
        Self.collect(message, into: &texts, html: false)
        if !texts.contains(where: { $0.utf8.contains { !Lines.isSpace($0) } }) {
            texts = []
            Self.collect(message, into: &texts, html: true)
        }
        // Further text parts are what was sent, unless the first names nobody.
        let first = texts.first ?? ""
        let text = first.utf8.contains(UInt8(ascii: "@")) ? first : texts.joined(separator: "\n")
        all = Lines.split(text)
        let end = all.firstIndex { Self.isEnd($0, ends) } ?? all.count
        lines = Array(all[..<end])
        returned = Self.fields(all[end...])
    }

    /// All in one, ready for being searched; at most 4 KiB.
    var searchable: SearchText {
        SearchText(lines.joined(separator: "\n"))
    }

    private static func collect(_ part: MIMEPart, into texts: inout [String], html: Bool, depth: Int = 0) {
        guard depth < 6, texts.count < 8 else { return }
        switch part.body {
        case .text(let text) where part.type == "text/html":
            if html { texts.append(HTMLText.text(of: text)) }
        case .text(let text) where Self.isText(part.type):
            texts.append(text)
        case .parts(let parts):
            for inner in parts { collect(inner, into: &texts, html: html, depth: depth + 1) }
        case .text, .message, .other: break
        }
    }

    /// A multipart that turned out to be text is some.
    private static func isText(_ type: String) -> Bool {
        (type.hasPrefix("text/") || type.hasPrefix("multipart/")) && type != "text/rfc822-headers"
    }

    /// Whether the message that is given back begins here.
    private static func isEnd(_ line: String, _ ends: [[UInt8]]) -> Bool {
        let start = SearchText(String(decoding: line.utf8.prefix(200), as: UTF8.self)).bytes.drop { $0 == 0x20 }
        let rest = start.drop { rules.contains($0) || $0 == 0x20 }
        guard !rest.isEmpty else { return false }
        let drawn = Array("-- ".utf8) + rest
        return ends.contains { start.starts(with: $0) || drawn.starts(with: $0) }
    }

    private static let rules = Array("-=_*+".utf8)

    /// The first block of header fields behind the report's own words.
    private static func fields(_ lines: ArraySlice<String>) -> [HeaderField] {
        let rest = lines.prefix(400)
        guard
            let start = rest.firstIndex(where: { line in
                guard let field = StatusFields.field(line) else { return false }
                return ["received", "return-path", "from", "to", "date", "message-id", "subject"].contains(field.name)
            })
        else { return [] }
        return StatusFields(rest[start...]).groups.first ?? []
    }
}

/// Finds the recipients that a report in free words names.
struct RecipientFinder {
    private let form: BounceRules.Form?
    private(set) var findings: [Finding] = []
    /// The words before the first recipient.
    private var preamble: [String] = []
    private var words: [[String]] = []
    /// The recipient that further words are on; none behind a line that sums up what was said before it.
    private var current: Int?
    /// The last command and the last refusal of a dialogue that the report quotes.
    private var command: BounceRules.Stage?
    private var refusal: (line: String, stage: BounceRules.Stage?)?

    /// How many recipients of one report are taken.
    static let maximum = 100
    /// How many lines of words on one recipient are taken.
    private static let maximumWords = 60

    init(_ lines: [String], form: BounceRules.Form?) {
        self.form = form
        for line in lines {
            take(line)
            if findings.count >= Self.maximum { break }
        }
        for index in findings.indices {
            let own = words[index].joined(separator: "\n")
            let isSilent = !own.utf8.contains { (0x61...0x7A).contains($0 | 0x20) || $0 >= 0x80 }
            findings[index].diagnostic = isSilent ? preamble.suffix(Self.maximumWords).joined(separator: "\n") : own
        }
    }

    private mutating func take(_ line: String) {
        let text = Array(line.utf8)[...].drop(while: Lines.isSpace)
        note(text)
        guard let (address, rest, isReply) = recipient(text) else {
            if findings.isEmpty {
                preamble.append(line)
            } else if let current, words[current].count < Self.maximumWords {
                words[current].append(line)
            }
            return
        }
        let behind = String(decoding: rest, as: UTF8.self)
        let index: Int
        if let known = findings.firstIndex(where: { $0.address == address }) {
            index = known
            words[index].append(behind)
        } else {
            findings.append(Finding(address: address))
            words.append([behind])
            index = findings.count - 1
        }
        current = isReply ? nil : index
        // `554 <user@example.org>... User unknown` sums up the refusal above it.
        if isReply, let refusal {
            words[index].append(refusal.line)
            if findings[index].stage == nil { findings[index].stage = refusal.stage }
            self.refusal = nil
        }
    }

    /// Keeps up with a quoted dialogue: `>>> RCPT To:<…>`, `<<< 550 …`.
    private mutating func note(_ line: ArraySlice<UInt8>) {
        if line.starts(with: ">>> ".utf8) {
            command = Dialogue.stage(line.dropFirst(4)) ?? command
        } else if line.starts(with: "<<< ".utf8), let first = line.dropFirst(4).first, first == 0x34 || first == 0x35 {
            refusal = (String(decoding: line.dropFirst(4), as: UTF8.self), command)
        }
    }

    /// The recipient that a line names, and what stands behind.
    private func recipient(_ line: ArraySlice<UInt8>) -> (address: String, rest: ArraySlice<UInt8>, isReply: Bool)? {
        guard line.contains(UInt8(ascii: "@")) else { return nil }
        let patterns = form?.recipients ?? []
        for pattern in patterns where !pattern.isPlain {
            if let found = pattern.find(line) { return (found.address, found.rest, false) }
        }
        guard patterns.isEmpty || patterns.contains(where: \.isPlain) else { return nil }
        // A reply code before the address is the reporting server's own summary.
        let digits = line.prefix { (0x30...0x39).contains($0) }
        let isReply = digits.count == 3 && line.dropFirst(3).first == 0x20
        let start = isReply ? line.dropFirst(4) : line
        guard let found = AddressText.leading(start) else { return nil }
        // `a name@host <user@example.org>: malformed address`: what is in the brackets was meant.
        let behind = found.rest.drop(while: Lines.isSpace)
        if behind.first == UInt8(ascii: "<"), let inner = AddressText.leading(behind) {
            return (inner.address, inner.rest, isReply)
        }
        guard let next = found.rest.first else { return (found.address, found.rest, isReply) }
        // `user@example.org,` in a sentence is none; `user@example.org wrote` neither.
        if isReply { return (found.address, found.rest, true) }
        let isName = Lines.isSpace(next) || ":(.[<,;".utf8.contains(next)
        return isName ? (found.address, found.rest, false) : nil
    }
}

extension RecipientLine {
    /// The address that follows the beginning, in a line that has it.
    func find(_ line: ArraySlice<UInt8>) -> (address: String, rest: ArraySlice<UInt8>)? {
        guard isAnywhere, let first = prefix.first else { return address(behind: line) }
        let capital = (0x61...0x7A).contains(first) ? first & 0xDF : first
        var from = line.startIndex
        while from - line.startIndex < 400,
            let start = line[from...].firstIndex(where: { $0 == first || $0 == capital })
        {
            if isWhole(line, from: start), let found = address(behind: line[start...]) { return found }
            from = start + 1
        }
        return nil
    }

    private func address(behind line: ArraySlice<UInt8>) -> (address: String, rest: ArraySlice<UInt8>)? {
        behind(line).flatMap { AddressText.leading($0) }
    }

    /// Whether the beginning would not start in the middle of a word.
    private func isWhole(_ line: ArraySlice<UInt8>, from start: Int) -> Bool {
        guard start > line.startIndex, let first = prefix.first, Self.isWord(first) else { return true }
        return !Self.isWord(line[start - 1])
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte >= 0x80
    }

    /// What stands behind the beginning; runs of white space count as one space.
    private func behind(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var rest = line
        for byte in prefix {
            guard let next = rest.first else { return nil }
            if byte == 0x20 {
                guard Lines.isSpace(next) else { return nil }
                rest = rest.drop(while: Lines.isSpace)
            } else {
                let lower = (0x41...0x5A).contains(next) ? next | 0x20 : next
                guard lower == byte else { return nil }
                rest = rest.dropFirst()
            }
        }
        if let last = prefix.last, Self.isWord(last), let next = rest.first, Self.isWord(next) { return nil }
        return rest
    }
}

/// A dialogue with a server as a report quotes it.
enum Dialogue {
    /// The step that a command belongs to.
    static func stage(_ command: ArraySlice<UInt8>) -> BounceRules.Stage? {
        let word = String(decoding: command.prefix(4), as: UTF8.self).uppercased()
        switch word {
        case "HELO", "EHLO", "STAR", "AUTH": return .connect
        case "MAIL": return .mail
        case "RCPT": return .rcpt
        case "DATA", "BDAT": return .data
        default: return nil
        }
    }

    /// The step of the first command that a server refused.
    static func refusedStage(_ lines: [String]) -> BounceRules.Stage? {
        var stage: BounceRules.Stage?
        for line in lines {
            let text = Array(line.utf8.prefix(200))[...]
            for behind in marked(text) {
                if let sent = Self.stage(behind) {
                    stage = sent
                } else if stage != nil, behind.first == 0x34 || behind.first == 0x35 {
                    return stage
                }
            }
        }
        return nil
    }

    /// What stands behind the signs for sent and received; programs differ in which is which.
    private static func marked(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        let start = line.drop(while: Lines.isSpace)
        for mark in ["In: ", "Out: "] where start.starts(with: mark.utf8) {
            return [start.dropFirst(mark.utf8.count).drop(while: Lines.isSpace)]
        }
        return line.indices.dropLast(4).filter { index in
            (line[index] == UInt8(ascii: ">") || line[index] == UInt8(ascii: "<"))
                && line[index] == line[index + 1] && line[index] == line[index + 2] && line[index + 3] == 0x20
        }.map { line[($0 + 4)...].drop(while: Lines.isSpace) }
    }
}
