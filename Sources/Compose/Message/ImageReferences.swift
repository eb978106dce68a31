internal import Core

/// The images that a job's templates show, found by their `cid:` references.
///
/// A template says `src="cid:logo.png"`. A Content-ID is a name at a domain (RFC 2392), so the references are completed
/// with the sender's domain before the template is compiled. An image without a reference is left out: people would
/// see it as an attachment.
///
/// A class, since templates come one after another through a compiler's loader.
final class ImageReferences {
    private let domain: String
    private let known: [String: InlineImage]
    private let loader: Composer.ImageLoader
    private var problems: [Diagnostic] = []
    /// The finished part of each image met so far, in the order of their first references.
    private(set) var parts: [[UInt8]] = []
    private var met: Set<String> = []

    /// Starts with the images that the design names; `loader` is asked for any other.
    init(_ design: JobDesign, loader: @escaping Composer.ImageLoader) {
        domain = design.from.address.domain
        known = Dictionary(design.inlineImages.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.loader = loader
        if known.count < design.inlineImages.count {
            problems.append(Diagnostic("two images have the same name"))
        }
    }

    /// What was found wrong, and the images that no template shows.
    var diagnostics: [Diagnostic] {
        let unused = known.keys.filter { !met.contains($0) }.sorted()
        return problems
            + unused.map { Diagnostic("no template shows this image", at: Place(file: $0), severity: .warning) }
    }

    /// The template with its references completed.
    func resolved(_ source: TemplateSource) -> TemplateSource {
        var result = source
        result.bytes.removeAll()
        var copied = 0
        for name in Self.references(in: source.bytes) where isImage(name, in: source) {
            result.bytes.append(contentsOf: source.bytes[copied..<name.upperBound])
            result.bytes.append(UInt8(ascii: "@"))
            result.bytes.append(contentsOf: domain.utf8)
            copied = name.upperBound
        }
        result.bytes.append(contentsOf: source.bytes[copied...])
        return result
    }

    /// Whether there is an image of that name; the first time, its part is made.
    private func isImage(_ range: Range<Int>, in source: TemplateSource) -> Bool {
        let name = String(decoding: source.bytes[range], as: UTF8.self)
        if met.contains(name) { return true }
        guard let image = known[name] ?? loader(name).map({ InlineImage(name: name, bytes: $0) }) else {
            let problem = Diagnostic(
                "there is no image \(name)",
                at: source.place(of: range.lowerBound),
                fix: "put it into the job's folder"
            )
            // HTML that also becomes the text passes here twice.
            if !problems.contains(problem) { problems.append(problem) }
            return false
        }
        met.insert(name)
        var part: [UInt8] = []
        FilePart.append(inline: image, contentID: "\(name)@\(domain)", to: &part)
        parts.append(part)
        return true
    }

    /// Where the names stand in attributes and style sheets: behind a quote, a parenthesis or an equals sign.
    static func references(in bytes: [UInt8]) -> [Range<Int>] {
        let scheme = Array("cid:".utf8)
        var names: [Range<Int>] = []
        var index = 1
        while index + scheme.count < bytes.count {
            guard bytes[index] == scheme[0], bytes[index...].starts(with: scheme),
                "\"'(=".utf8.contains(bytes[index - 1])
            else {
                index += 1
                continue
            }
            let start = index + scheme.count
            index = start
            while index < bytes.count, isNameCharacter(bytes[index]) {
                index += 1
            }
            let isComplete = index < bytes.count && bytes[index] == UInt8(ascii: "@")
            if isAtoms(bytes[start..<index]), !isComplete { names.append(start..<index) }
        }
        return names
    }

    /// Whether the bytes are a `dot-atom-text` (RFC 5322 section 3.2.3).
    private static func isAtoms(_ name: ArraySlice<UInt8>) -> Bool {
        name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}

extension TemplateSource {
    /// Where a byte of the text stands in its file.
    func place(of offset: Int) -> Place {
        var line = firstLine
        var column = firstColumn
        for byte in bytes[..<offset] {
            if byte == 0x0A {
                (line, column) = (line + 1, 1)
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return Place(file: file, line: line, column: column)
    }
}
