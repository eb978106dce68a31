internal import Core

/// The images of a job and the `cid:` references to them.
///
/// A template says `cid:logo.png`. A Content-ID is a name at a domain (RFC 2392), so the references are completed
/// with the sender's domain before the template is compiled.
struct ImageReferences {
    let images: [InlineImage]
    let domain: String
    let hasHTML: Bool
    private let names: Set<String>

    init(_ design: JobDesign) {
        images = design.inlineImages
        domain = design.from.address.domain
        hasHTML = design.html != nil
        names = Set(images.map(\.name))
    }

    /// The template with its references completed.
    func resolved(_ source: TemplateSource) -> TemplateSource {
        guard !images.isEmpty else { return source }
        var result = source
        result.bytes.removeAll()
        var copied = 0
        for end in references(in: source.bytes) {
            result.bytes.append(contentsOf: source.bytes[copied..<end])
            result.bytes.append(UInt8(ascii: "@"))
            result.bytes.append(contentsOf: domain.utf8)
            copied = end
        }
        result.bytes.append(contentsOf: source.bytes[copied...])
        return result
    }

    /// Where each reference to an image of ours ends.
    private func references(in bytes: [UInt8]) -> [Int] {
        let scheme = Array("cid:".utf8)
        var ends: [Int] = []
        var index = 0
        while index + scheme.count < bytes.count {
            guard bytes[index] == scheme[0], bytes[index...].starts(with: scheme),
                index == 0 || !Self.isNameCharacter(bytes[index - 1])
            else {
                index += 1
                continue
            }
            let start = index + scheme.count
            var end = start
            while end < bytes.count, Self.isNameCharacter(bytes[end]) {
                end += 1
            }
            let followed = end < bytes.count && bytes[end] == UInt8(ascii: "@")
            if !followed, names.contains(String(decoding: bytes[start..<end], as: UTF8.self)) { ends.append(end) }
            index = end
        }
        return ends
    }

    /// The finished part of each image.
    func parts(diagnostics: inout [Diagnostic]) -> [[UInt8]] {
        guard hasHTML || images.isEmpty else {
            diagnostics.append(Diagnostic("images stand in the HTML, and there is no HTML template"))
            return []
        }
        if names.count < images.count {
            diagnostics.append(Diagnostic("two images have the same name"))
        }
        var parts: [[UInt8]] = []
        for image in images {
            guard Self.isName(image.name) else {
                diagnostics.append(
                    Diagnostic(
                        "an image's name can have letters, digits, inner dots, hyphens and underscores only",
                        at: Place(file: image.name)
                    )
                )
                continue
            }
            var part: [UInt8] = []
            FilePart.append(inline: image, contentID: "\(image.name)@\(domain)", to: &part)
            parts.append(part)
        }
        return parts
    }

    private static func isName(_ name: String) -> Bool {
        name.utf8.allSatisfy(isNameCharacter)
            && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}
