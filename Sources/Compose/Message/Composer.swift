public import Core

/// Makes a job's messages: templates and a row in, MIME bytes out.
///
/// Built once per job, then pure: the same arguments give the same bytes, on any thread. Every message ends its lines
/// with CRLF and is 7-bit but for addresses of RFC 6531; no line of it starts with a dot.
public struct Composer: Sendable {
    /// Finds the bytes of an image that a template shows, by its name in the job's folder; `nil` if there is none.
    public typealias ImageLoader = (_ name: String) -> [UInt8]?

    /// What somebody should look at though the job can go out.
    public let warnings: [Diagnostic]
    /// The tracked links of all templates, by number.
    public let links: [LinkInfo]

    let subject: CompiledTemplate
    let subjectPlace: Place
    let bodies: CompiledBodies
    /// The same without pixel and tracked links.
    let untracked: CompiledBodies
    let attachments: [CompiledAttachment]
    let headers: StaticHeaders
    /// The finished parts of the images.
    let images: [[UInt8]]
    let nameColumn: (index: Int, name: String)?
    let hasUnsubscribe: Bool
    let sizeLimit: Int
    /// What is left of it without room for signatures: a message fits or does not, whether it is signed or only tried.
    let contentLimit: Int
    private var signer: MessageSigner?

    /// Compiles a job's templates and the parts of its messages that are the same for every row.
    ///
    /// - Parameters:
    ///   - design: What the manifest asks for.
    ///   - loader: Finds partials and layouts: in the job's folder first, then in the site's templates.
    ///   - images: Finds images that templates show by `cid:` and the design does not hold.
    ///   - signer: Signs each message for the From's domain; `nil` for messages without a signature.
    /// - Throws: All problems of the templates at once.
    public init(
        _ design: JobDesign,
        loader: @escaping TemplateCompiler.Loader = { _ in nil },
        images: @escaping ImageLoader = { _ in nil },
        signer: MessageSigner? = nil
    ) throws(Diagnostics) {
        var found: [Diagnostic] = []
        let references = ImageReferences(design, loader: images)
        let plan = DesignCompiler.compile(design, loader: loader, images: references, diagnostics: &found)
        guard let plan, !found.contains(where: { $0.severity == .error }) else { throw Diagnostics(found) }
        self.warnings = found
        self.links = plan.links
        self.subject = plan.subject
        self.subjectPlace = plan.subjectPlace
        self.bodies = plan.bodies
        self.untracked = plan.untracked
        self.attachments = plan.attachments
        self.headers = StaticHeaders(design)
        self.images = plan.images
        self.nameColumn = design.nameColumn.map { ($0, design.columns.names[$0]) }
        self.hasUnsubscribe = design.hasUnsubscribe
        self.sizeLimit = design.sizeLimit
        self.contentLimit = design.sizeLimit - (signer == nil ? 0 : MessageSigner.mostOctets)
        self.signer = signer
    }

    /// Whether messages are signed, which costs ten times as much as making them.
    public var isSigning: Bool {
        signer != nil
    }

    /// The same without signatures, for trying whether rows can be rendered: signing takes most of a message's time.
    public var unsigned: Composer {
        var composer = self
        composer.signer = nil
        return composer
    }

    /// The paths of the files that go with a row's message, below the job folder, in the manifest's order.
    ///
    /// A path is text from a cell: whoever opens it must not let it lead out of the folder.
    public func attachmentPaths(
        row: borrowing Row,
        context: RenderContext
    ) throws(ComposeProblem) -> [String] {
        var paths: [String] = []
        var path: [UInt8] = []
        for attachment in attachments {
            path.removeAll(keepingCapacity: true)
            try attachment.renderPath(row, context: context, into: &path)
            paths.append(String(decoding: path, as: UTF8.self))
        }
        return paths
    }

    /// Makes one message.
    ///
    /// - Parameters:
    ///   - row: The recipient's cells.
    ///   - identity: The Message-ID, and where the boundaries come from.
    ///   - date: The Date field, and the time of signing; the same at every attempt.
    ///   - files: The content of what ``attachmentPaths(row:context:)`` named, in that order.
    ///   - context: The recipient, the job, and who makes the tokens of links.
    ///   - scratch: Buffers to work in.
    ///   - output: Takes the message; what it held before is gone, and after an error it is empty.
    @discardableResult
    public func compose(
        row: borrowing Row,
        identity: MessageIdentity,
        date: Timestamp,
        attachments files: [AttachmentContent] = [],
        context: RenderContext,
        scratch: inout Scratch,
        into output: inout [UInt8]
    ) throws(ComposeProblem) -> ComposedMessage {
        precondition(files.count == attachments.count, "as many files as attachments")
        output.removeAll(keepingCapacity: true)
        do throws(ComposeProblem) {
            try appendHeaders(row, identity: identity, date: date, context: context, scratch: &scratch, to: &output)
            let body = BodyWriter(composer: self, identity: identity)
            try body.append(row, files: files, context: context, scratch: &scratch, to: &output)
            guard output.count <= contentLimit else { throw .tooLarge(limit: sizeLimit) }
            signer?.sign(&output, at: date)
        } catch {
            // Half a message must not be taken for one.
            output.removeAll(keepingCapacity: true)
            throw error
        }
        return ComposedMessage(headersNeedUTF8: headers.needUTF8 || context.recipient.needsSMTPUTF8)
    }

    /// Fills a template into an emptied buffer.
    static func render(
        _ template: CompiledTemplate,
        _ row: borrowing Row,
        context: RenderContext,
        into buffer: inout [UInt8]
    ) throws(ComposeProblem) {
        buffer.removeAll(keepingCapacity: true)
        do {
            try template.render(row, context: context, into: &buffer)
        } catch {
            throw .template(error)
        }
    }
}
