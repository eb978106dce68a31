public import Core

/// Compiles the templates of one job.
///
/// One compiler serves all templates of a job, so that a link that stands in the HTML and in the text has one number.
/// Every problem goes to `diagnostics`, all of a template's at once; a template with an error compiles to `nil`.
public struct TemplateCompiler {
    /// Finds a partial or layout by its name: in the job's folder first, then in the site's templates.
    public typealias Loader = (_ name: String) -> TemplateSource?

    /// The tracked links of all templates compiled so far, in the order of their numbers.
    public private(set) var links: [LinkInfo] = []

    let columns: ColumnTable
    let constants: [String: String]
    let hasUnsubscribeURL: Bool
    let tracking: TrackingPlan
    let loader: Loader

    /// Creates a compiler.
    ///
    /// - Parameters:
    ///   - columns: What the tags may name.
    ///   - constants: Names that stand for a fixed text in the whole job (`site`, `postal_address`).
    ///   - hasUnsubscribeURL: Whether `{{unsubscribe_url}}` can be filled; if not, a section on it is left out.
    ///   - tracking: What is tracked.
    ///   - loader: Finds partials and layouts.
    public init(
        columns: ColumnTable,
        constants: [String: String] = [:],
        hasUnsubscribeURL: Bool = false,
        tracking: TrackingPlan = TrackingPlan(),
        loader: @escaping Loader = { _ in nil }
    ) {
        self.columns = columns
        self.constants = constants
        self.hasUnsubscribeURL = hasUnsubscribeURL
        self.tracking = tracking
        self.loader = loader
    }

    /// Compiles an HTML body.
    public mutating func compileHTML(_ source: TemplateSource, diagnostics: inout [Diagnostic]) -> CompiledTemplate? {
        nil
    }

    /// Compiles a text body.
    public mutating func compileText(_ source: TemplateSource, diagnostics: inout [Diagnostic]) -> CompiledTemplate? {
        nil
    }

    /// Compiles what stands in a header (subject, shown name of an attachment): plain columns and constants only.
    public mutating func compileHeader(_ source: TemplateSource, diagnostics: inout [Diagnostic]) -> CompiledTemplate? {
        nil
    }

    /// Compiles the name of a row's own file in the job's folder; any column may stand in it, since nobody sees it.
    public mutating func compilePath(_ source: TemplateSource, diagnostics: inout [Diagnostic]) -> CompiledTemplate? {
        nil
    }

    /// Makes the text body from the HTML body's template, where there is no template for text.
    public mutating func deriveText(
        fromHTML source: TemplateSource,
        diagnostics: inout [Diagnostic]
    ) -> CompiledTemplate? {
        nil
    }
}
