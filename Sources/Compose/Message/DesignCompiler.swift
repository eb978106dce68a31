internal import Core

/// An attachment's templates, compiled.
struct CompiledAttachment: Sendable {
    let path: CompiledTemplate
    /// `nil` for the file's own name.
    let name: CompiledTemplate?
    let place: Place

    func renderPath(
        _ row: borrowing Row,
        context: RenderContext,
        into buffer: inout [UInt8]
    ) throws(ComposeProblem) {
        try Composer.render(path, row, context: context, into: &buffer)
    }

    /// The name that people see.
    func renderName(
        _ row: borrowing Row,
        context: RenderContext,
        into buffer: inout [UInt8]
    ) throws(ComposeProblem) {
        try Composer.render(name ?? path, row, context: context, into: &buffer)
        guard HeaderText.isAllowed(buffer[...]) else { throw .textNotForHeader(place: place) }
        let shown = FileName.shown(name == nil ? FileName.last(of: buffer[...]) : buffer[...])
        guard shown.count <= FileName.limit else { throw .fileNameTooLong(place: place) }
        buffer = shown.isEmpty ? Array("attachment".utf8) : shown
    }
}

/// The forms of a message's body.
struct CompiledBodies: Sendable {
    var html: CompiledTemplate?
    var text: CompiledTemplate?
}

/// What comes out of a design's templates.
struct CompiledDesign {
    let subject: CompiledTemplate
    let subjectPlace: Place
    let bodies: CompiledBodies
    /// The same without pixel and tracked links, for recipients who are not to be tracked.
    let untracked: CompiledBodies
    let attachments: [CompiledAttachment]
    let images: [[UInt8]]
    let links: [LinkInfo]
}

/// Compiles a design, and finds what is wrong with it.
enum DesignCompiler {
    /// Compiles everything, so that all problems are told at once; `nil` if something has an error.
    static func compile(
        _ design: JobDesign,
        loader: @escaping TemplateCompiler.Loader,
        images: ImageReferences,
        diagnostics: inout [Diagnostic]
    ) -> CompiledDesign? {
        var compiler = TemplateCompiler(
            columns: design.columns,
            constants: design.constants,
            hasUnsubscribeURL: design.hasUnsubscribe,
            hasPreferencesURL: design.hasUnsubscribe && design.hasPages,
            tracking: design.tracking,
            loader: { name in loader(name).map { images.resolved($0) } }
        )
        let subject = compiler.compileHeader(design.subject.withoutLineEnd, diagnostics: &diagnostics)
        let htmlSource = design.html.map { images.resolved($0) }
        let bodies = bodies(htmlSource, design.text, &compiler, diagnostics: &diagnostics)
        var untracked = bodies
        if design.tracking != TrackingPlan() {
            var plain = TemplateCompiler(
                columns: design.columns,
                constants: design.constants,
                hasUnsubscribeURL: design.hasUnsubscribe,
                hasPreferencesURL: design.hasUnsubscribe && design.hasPages,
                loader: { name in loader(name).map { images.resolved($0) } }
            )
            // What is worth saying of them has been said.
            var again: [Diagnostic] = []
            untracked = self.bodies(htmlSource, design.text, &plain, diagnostics: &again)
        }
        let attachments = compile(design, &compiler, diagnostics: &diagnostics)
        check(design, diagnostics: &diagnostics)
        diagnostics += images.diagnostics
        guard let subject, (bodies.html != nil) == (design.html != nil), bodies.text != nil || design.text == nil
        else { return nil }
        return CompiledDesign(
            subject: subject,
            subjectPlace: design.subject.place,
            bodies: bodies,
            untracked: untracked,
            attachments: attachments,
            images: images.parts,
            links: compiler.links
        )
    }

    private static func bodies(
        _ htmlSource: TemplateSource?,
        _ textSource: TemplateSource?,
        _ compiler: inout TemplateCompiler,
        diagnostics: inout [Diagnostic]
    ) -> CompiledBodies {
        var bodies = CompiledBodies()
        bodies.html = htmlSource.flatMap { compiler.compileHTML($0, diagnostics: &diagnostics) }
        if let textSource {
            bodies.text = compiler.compileText(textSource, diagnostics: &diagnostics)
        } else if let htmlSource, bodies.html != nil {
            // The HTML is read a second time; what is worth saying of it has been said.
            var again: [Diagnostic] = []
            bodies.text = compiler.deriveText(fromHTML: htmlSource, diagnostics: &again)
            diagnostics += again.filter { !diagnostics.contains($0) }
        }
        return bodies
    }

    private static func compile(
        _ design: JobDesign,
        _ compiler: inout TemplateCompiler,
        diagnostics: inout [Diagnostic]
    ) -> [CompiledAttachment] {
        var attachments: [CompiledAttachment] = []
        for spec in design.attachments {
            let path = compiler.compilePath(spec.file, diagnostics: &diagnostics)
            let name = spec.name.flatMap { compiler.compileHeader($0, diagnostics: &diagnostics) }
            guard let path else { continue }
            if spec.name == nil {
                let columns = path.usedColumns.sorted().map { design.columns.names[$0] }
                for column in columns where !design.columns.plain.contains(column) {
                    diagnostics.append(
                        Diagnostic(
                            "the attachment would show the PHI column \(column) in its name",
                            at: spec.file.place,
                            fix: "give the attachment a name of its own, as name: summary.pdf"
                        )
                    )
                }
            }
            attachments.append(CompiledAttachment(path: path, name: name, place: (spec.name ?? spec.file).place))
        }
        return attachments
    }

    private static func check(_ design: JobDesign, diagnostics: inout [Diagnostic]) {
        if design.html == nil, design.text == nil {
            diagnostics.append(Diagnostic("the message has neither an HTML nor a text template"))
        }
        let letters = design.language?.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
        }
        if letters == false || design.language?.isEmpty == true {
            diagnostics.append(Diagnostic("the language is no language tag", fix: "write it as en or es-MX"))
        }
        guard let list = design.list.map({ Array($0.utf8) }) else { return }
        if HeaderWriter.trimmed(list[...]).isEmpty {
            diagnostics.append(Diagnostic("the list has no name"))
        } else if !HeaderText.isAllowed(list[...]) {
            diagnostics.append(Diagnostic("the list's name holds a line break or control character"))
        }
    }
}

extension TemplateSource {
    /// The same without the line end that a block of YAML leaves behind its text.
    var withoutLineEnd: TemplateSource {
        var source = self
        while let last = source.bytes.last, last == 0x0A || last == 0x0D || last == 0x20 {
            source.bytes.removeLast()
        }
        return source
    }

    /// Where it starts.
    var place: Place {
        Place(file: file, line: firstLine, column: firstColumn)
    }
}

extension JobDesign {
    /// Whether the message carries List-Unsubscribe (RFC 2369, RFC 8058).
    var hasUnsubscribe: Bool {
        list != nil || isMarketing
    }
}
