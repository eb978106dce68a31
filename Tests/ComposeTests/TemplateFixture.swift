import Compose
import Core
import Testing

/// A job's templates, columns and one row, for tests.
struct TemplateFixture {
    enum Form {
        case html, text, header, path, derived
    }

    /// Raised where a template that should compile does not.
    struct Refused: Error, CustomStringConvertible {
        var diagnostics: [Diagnostic]
        var description: String { diagnostics.map(\.description).joined(separator: "\n") }
    }

    var cells: [(name: String, cell: String)] = []
    var plain: Set<String> = []
    var trusted: Set<String> = []
    var defaults: [String: String] = [:]
    var constants: [String: String] = [:]
    var hasUnsubscribeURL = false
    var tracking = TrackingPlan()
    var partials: [String: String] = [:]
    var minter: (any TokenMinting)? = ReadableMinter()

    var compiler: TemplateCompiler {
        let partials = partials
        return TemplateCompiler(
            columns: ColumnTable(
                names: cells.map(\.name),
                plain: plain,
                trustedHTML: trusted,
                defaults: defaults
            ),
            constants: constants,
            hasUnsubscribeURL: hasUnsubscribeURL,
            tracking: tracking,
            loader: { name in
                partials[name].map { TemplateSource(name: name, file: "\(name).mustache", bytes: Array($0.utf8)) }
            }
        )
    }

    static func source(_ template: String) -> TemplateSource {
        TemplateSource(name: "main", file: "main.html", bytes: Array(template.utf8))
    }

    /// Compiles; the problems are thrown.
    func compile(_ template: String, _ form: Form = .html) throws -> CompiledTemplate {
        var compiler = compiler
        return try Self.compile(template, form, with: &compiler)
    }

    static func compile(
        _ template: String,
        _ form: Form,
        with compiler: inout TemplateCompiler
    ) throws -> CompiledTemplate {
        var diagnostics: [Diagnostic] = []
        let source = source(template)
        let compiled =
            switch form {
            case .html: compiler.compileHTML(source, diagnostics: &diagnostics)
            case .text: compiler.compileText(source, diagnostics: &diagnostics)
            case .header: compiler.compileHeader(source, diagnostics: &diagnostics)
            case .path: compiler.compilePath(source, diagnostics: &diagnostics)
            case .derived: compiler.deriveText(fromHTML: source, diagnostics: &diagnostics)
            }
        guard let compiled, diagnostics.isEmpty else { throw Refused(diagnostics: diagnostics) }
        return compiled
    }

    /// The problems of a template, one a line; empty if it compiles.
    func problems(_ template: String, _ form: Form = .html) -> [String] {
        do {
            _ = try compile(template, form)
            return []
        } catch let refused as Refused {
            return refused.diagnostics.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    /// Renders the fixture's row.
    func render(_ template: String, _ form: Form = .html) throws -> String {
        try render(compile(template, form))
    }

    func render(_ compiled: CompiledTemplate) throws -> String {
        var output: [UInt8] = []
        try compiled.render(row, context: try context, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    var row: Row {
        Row(number: RowNumber(7), line: 8, cells: cells.map(\.cell))
    }

    var context: RenderContext {
        get throws {
            RenderContext(
                job: try #require(JobID("00112233445566778899")),
                minter: minter,
                recipient: try Address(localPart: "ann", domain: "example.org"),
                list: "news"
            )
        }
    }
}

/// Tokens that a person can read.
struct ReadableMinter: TokenMinting {
    var base = "https://t.example"

    func appendOpenURL(job: JobID, row: RowNumber, to output: inout [UInt8]) {
        output += Array("\(base)/o/\(row).gif".utf8)
    }

    func appendClickURL(job: JobID, row: RowNumber, link: Int, target: ArraySlice<UInt8>, to output: inout [UInt8]) {
        output += Array("\(base)/c/\(row).\(link)[\(String(decoding: target, as: UTF8.self))]".utf8)
    }

    func appendUnsubscribeURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String,
        address: Address,
        to output: inout [UInt8]
    ) {
        output += Array("\(base)/u/\(row)?l=\(list)&a=1".utf8)
    }

    func appendPreferencesURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String,
        address: Address,
        to output: inout [UInt8]
    ) {
        output += Array("\(base)/p/\(row)?l=\(list)&a=1".utf8)
    }
}
