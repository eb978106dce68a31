internal import Core

/// Writes a message's content: no multipart where one part is enough.
///
///     mixed                     with attachments
///       related                 with images in the HTML
///         alternative           with text and HTML
///           text/plain, text/html
///         image…
///       attachment…
struct BodyWriter {
    let composer: Composer
    let identity: MessageIdentity

    /// Appends the content's header fields, an empty line and the content.
    func append(
        _ row: borrowing Row,
        files: [AttachmentContent],
        context: RenderContext,
        scratch: inout Scratch,
        to output: inout [UInt8]
    ) throws(ComposeProblem) {
        guard !files.isEmpty else {
            try appendRelated(row, context: context, scratch: &scratch, to: &output)
            return
        }
        appendType("multipart/mixed", .mixed, to: &output)
        appendDelimiter(.mixed, to: &output)
        try appendRelated(row, context: context, scratch: &scratch, to: &output)
        for (attachment, file) in zip(composer.attachments, files) {
            // Told before the work is done, since a file may be far too large.
            guard output.count + Base64Lines.encodedCount(file.bytes.count) <= composer.contentLimit else {
                throw .tooLarge(limit: composer.sizeLimit)
            }
            try attachment.renderName(row, context: context, into: &scratch.name)
            appendDelimiter(.mixed, to: &output)
            FilePart.append(file, name: scratch.name, to: &output)
        }
        appendDelimiter(.mixed, closing: true, to: &output)
    }

    private func appendRelated(
        _ row: borrowing Row,
        context: RenderContext,
        scratch: inout Scratch,
        to output: inout [UInt8]
    ) throws(ComposeProblem) {
        guard !composer.images.isEmpty else {
            try appendAlternative(row, context: context, scratch: &scratch, to: &output)
            return
        }
        let root = composer.bodies.text == nil ? "text/html" : "multipart/alternative"
        appendType("multipart/related; type=\"\(root)\"", .related, to: &output)
        appendDelimiter(.related, to: &output)
        try appendAlternative(row, context: context, scratch: &scratch, to: &output)
        for image in composer.images {
            appendDelimiter(.related, to: &output)
            output.append(contentsOf: image)
        }
        appendDelimiter(.related, closing: true, to: &output)
    }

    private func appendAlternative(
        _ row: borrowing Row,
        context: RenderContext,
        scratch: inout Scratch,
        to output: inout [UInt8]
    ) throws(ComposeProblem) {
        let bodies = context.isTracked ? composer.bodies : composer.untracked
        let isAlternative = bodies.text != nil && bodies.html != nil
        if isAlternative {
            appendType("multipart/alternative", .alternative, to: &output)
            appendDelimiter(.alternative, to: &output)
        }
        if let text = bodies.text {
            try Composer.render(text, row, context: context, into: &scratch.text)
            Self.append("plain", scratch.text, canonical: &scratch.canonical, to: &output)
        }
        if isAlternative {
            appendDelimiter(.alternative, to: &output)
        }
        if let html = bodies.html {
            try Composer.render(html, row, context: context, into: &scratch.html)
            Self.append("html", scratch.html, canonical: &scratch.canonical, to: &output)
        }
        if isAlternative {
            appendDelimiter(.alternative, closing: true, to: &output)
        }
    }

    private static func append(
        _ subtype: String,
        _ text: [UInt8],
        canonical: inout [UInt8],
        to output: inout [UInt8]
    ) {
        let encoding = TransferEncoding(for: text)
        output.append(contentsOf: "Content-Type: text/".utf8)
        output.append(contentsOf: subtype.utf8)
        output.append(contentsOf: "; charset=utf-8\r\nContent-Transfer-Encoding: ".utf8)
        output.append(contentsOf: encoding.name.utf8)
        output.append(contentsOf: "\r\n\r\n".utf8)
        encoding.append(text, canonical: &canonical, to: &output)
    }

    private func appendType(_ type: String, _ part: Boundary.Part, to output: inout [UInt8]) {
        output.append(contentsOf: "Content-Type: ".utf8)
        output.append(contentsOf: type.utf8)
        output.append(contentsOf: ";\r\n boundary=\"".utf8)
        Boundary.append(part, identity, to: &output)
        output.append(contentsOf: "\"\r\n".utf8)
    }

    /// Appends the line between parts, and the CRLF in front that belongs to it (RFC 2046 section 5.1.1).
    private func appendDelimiter(_ part: Boundary.Part, closing: Bool = false, to output: inout [UInt8]) {
        output.append(contentsOf: "\r\n--".utf8)
        Boundary.append(part, identity, to: &output)
        output.append(contentsOf: (closing ? "--\r\n" : "\r\n").utf8)
    }
}
