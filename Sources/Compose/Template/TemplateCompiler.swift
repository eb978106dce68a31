public import Core

/// Compiles the templates of one job.
///
/// One compiler serves all templates of a job, so that a link that stands in the HTML and in the text has one number.
/// Every problem goes to `diagnostics`, all of a template's at once; a template with an error compiles to `nil`.
public struct TemplateCompiler {
    /// Finds a partial or layout by its name: in the job's folder first, then in the site's templates.
    public typealias Loader = (_ name: String) -> TemplateSource?

    /// The tracked links of all templates compiled so far, in the order of their numbers.
    public var links: [LinkInfo] { registry.links }

    private let names: TemplateNames
    private let tracking: TrackingPlan
    private let loader: Loader
    private var registry = LinkRegistry()

    /// Creates a compiler.
    ///
    /// - Parameters:
    ///   - columns: What the tags may name.
    ///   - constants: Names that stand for a fixed text in the whole job (`site`, `postal_address`).
    ///   - hasUnsubscribeURL: Whether `{{unsubscribe_url}}` can be filled; if not, a section on it is left out.
    ///   - hasPreferencesURL: Whether `{{preferences_url}}` can be; `nil` if it can where the other can.
    ///   - tracking: What is tracked.
    ///   - loader: Finds partials and layouts.
    public init(
        columns: ColumnTable,
        constants: [String: String] = [:],
        hasUnsubscribeURL: Bool = false,
        hasPreferencesURL: Bool? = nil,
        tracking: TrackingPlan = TrackingPlan(),
        loader: @escaping Loader = { _ in nil }
    ) {
        names = TemplateNames(
            columns: columns,
            constants: constants,
            hasUnsubscribeURL: hasUnsubscribeURL,
            hasPreferencesURL: hasPreferencesURL ?? hasUnsubscribeURL
        )
        self.tracking = tracking
        self.loader = loader
    }

    /// Compiles an HTML body.
    public mutating func compileHTML(_ source: TemplateSource, diagnostics: inout [Diagnostic]) -> CompiledTemplate? {
        guard let items = scanHTML(source, diagnostics: &diagnostics) else { return nil }
        let pieces = HTMLTracking.pieces(of: items, plan: tracking, registry: &registry)
        return TemplateProgramBuilder.program(of: pieces, columns: names.columns)
    }

    /// Compiles a text body.
    public mutating func compileText(_ source: TemplateSource, diagnostics: inout [Diagnostic]) -> CompiledTemplate? {
        guard let flat = flatten(source, suffix: ".txt", diagnostics: &diagnostics) else { return nil }
        let program = compile(text: flat.items.map(TextItem.init), diagnostics: &diagnostics)
        return flat.isGood ? program : nil
    }

    /// Makes the text body from the HTML body's template, where there is no template for text.
    ///
    /// The result is a template like any other: filled with a row it reads as that row's HTML does.
    public mutating func deriveText(
        fromHTML source: TemplateSource,
        diagnostics: inout [Diagnostic]
    ) -> CompiledTemplate? {
        guard let items = scanHTML(source, diagnostics: &diagnostics) else { return nil }
        return compile(text: TextFromHTML.items(of: items), diagnostics: &diagnostics)
    }

    /// Compiles what stands in a header (subject, shown name of an attachment): plain columns and constants only.
    public func compileHeader(_ source: TemplateSource, diagnostics: inout [Diagnostic]) -> CompiledTemplate? {
        compileLine(source, allowsPHI: false, diagnostics: &diagnostics)
    }

    /// Compiles the name of a row's own file in the job's folder; any column may stand in it, since nobody sees it.
    public func compilePath(_ source: TemplateSource, diagnostics: inout [Diagnostic]) -> CompiledTemplate? {
        compileLine(source, allowsPHI: true, diagnostics: &diagnostics)
    }

    private func compileLine(
        _ source: TemplateSource,
        allowsPHI: Bool,
        diagnostics: inout [Diagnostic]
    ) -> CompiledTemplate? {
        guard let flat = flatten(source, suffix: ".txt", diagnostics: &diagnostics) else { return nil }
        let columns = names.columns
        let pieces = HeaderScanner.scan(flat.items, columns: columns, allowsPHI: allowsPHI, diagnostics: &diagnostics)
        guard flat.isGood else { return nil }
        return pieces.map { TemplateProgramBuilder.program(of: $0, columns: columns) }
    }

    private mutating func compile(text items: [TextItem], diagnostics: inout [Diagnostic]) -> CompiledTemplate? {
        guard let scanned = TextScanner.scan(items, columns: names.columns, diagnostics: &diagnostics) else {
            return nil
        }
        let pieces = TextTracking.pieces(of: scanned, plan: tracking, registry: &registry)
        return TemplateProgramBuilder.program(of: pieces, columns: names.columns)
    }

    private func scanHTML(_ source: TemplateSource, diagnostics: inout [Diagnostic]) -> [HTMLItem]? {
        guard let flat = flatten(source, suffix: ".html", diagnostics: &diagnostics) else { return nil }
        let items = HTMLScanner.scan(flat.items, columns: names.columns, diagnostics: &diagnostics)
        return flat.isGood ? items : nil
    }

    /// A partial or layout is looked for under its name with the suffix of the kind that includes it, then as it stands.
    private func flatten(
        _ source: TemplateSource,
        suffix: String,
        diagnostics: inout [Diagnostic]
    ) -> (items: [FlatItem], isGood: Bool)? {
        let loader = loader
        var flattener = TemplateFlattener(names: names) { loader($0 + suffix) ?? loader($0) }
        let items = flattener.flatten(source)
        diagnostics += flattener.diagnostics
        return items.map { ($0, !flattener.diagnostics.contains { $0.severity == .error }) }
    }
}
