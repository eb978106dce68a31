public import Core

/// A template ready to be filled: a flat program over column numbers.
///
/// It writes bytes and knows no names.
/// A cell counts as empty when it holds nothing but white space. A section `{{#column}}` is taken when the cell is not
/// empty, `{{^column}}` when it is; a default of the manifest stands in for an empty cell, and does not fill a section.
public struct CompiledTemplate: Sendable {
    /// Where the template names columns, tag by tag, those of its partials and layouts included.
    public internal(set) var uses: [ColumnUse] = []
    /// All literal bytes, end to end.
    var pool: [UInt8] = []
    var operations: [TemplateOperation] = []
    var sites: [TemplateSite] = []
    /// What stands for an empty cell, escaped for its place, in the pool.
    var fallbacks: [Range<Int>] = []

    /// The columns whose cells show in the output or steer it, by number.
    public var usedColumns: Set<Int> {
        Set(uses.map(\.column))
    }

    /// Fills the template with a row's cells and appends the bytes to `output`.
    ///
    /// When it throws, `output` holds the part before the problem.
    public func render(_ row: Row, context: RenderContext, into output: inout [UInt8]) throws(RenderProblem) {
        let bytes = row.bytes
        let base = output.count
        var target: [UInt8] = []
        var linkStart = 0
        var index = 0
        while index < operations.count {
            let operation = operations[index]
            index += 1
            switch operation.code {
            case .literal:
                ByteScan.append(pool, Int(operation.first)..<Int(operation.second), to: &output)
            case .cell:
                let range = row.range(Int(operation.first))
                if Escape.isEmpty(bytes, range) {
                    try appendFallback(operation, to: &output)
                } else if operation.escape == .header, Escape.hasControl(bytes, range) {
                    let site = sites[Int(operation.site)]
                    throw .cellNotForHeader(column: site.column, place: site.place)
                } else {
                    operation.escape.append(bytes, range, to: &output)
                }
            case .jumpIfEmpty:
                if Escape.isEmpty(bytes, row.range(Int(operation.first))) { index = Int(operation.second) }
            case .jumpIfFilled:
                if !Escape.isEmpty(bytes, row.range(Int(operation.first))) { index = Int(operation.second) }
            case .page:
                try appendPageURL(operation, row.number, context, to: &output)
            case .pixel:
                appendPixel(row.number, context, to: &output)
            case .link:
                let target = pool[Int(operation.first)..<Int(operation.second)]
                appendLink(Int(operation.site), target, operation.escape, row.number, context, to: &output)
            case .linkStart:
                linkStart = output.count
            case .linkEnd:
                target.removeAll(keepingCapacity: true)
                target.append(contentsOf: output[linkStart...])
                output.removeSubrange(linkStart...)
                appendLink(Int(operation.first), target[...], operation.escape, row.number, context, to: &output)
            case .softSpace:
                TextLayout.space(Int(operation.first), base: base, in: &output)
            case .softBreak:
                TextLayout.breakLine(Int(operation.first), Int(operation.second), base: base, in: &output)
            case .finish:
                TextLayout.finish(base: base, in: &output)
            }
        }
    }

    private func appendFallback(_ operation: TemplateOperation, to output: inout [UInt8]) throws(RenderProblem) {
        guard operation.second >= 0 else {
            let site = sites[Int(operation.site)]
            throw .emptyCell(column: site.column, place: site.place)
        }
        output.append(contentsOf: pool[fallbacks[Int(operation.second)]])
    }

    private func appendLink(
        _ id: Int,
        _ target: ArraySlice<UInt8>,
        _ escape: Escape,
        _ row: RowNumber,
        _ context: RenderContext,
        to output: inout [UInt8]
    ) {
        let start = output.count
        if let minter = context.minter {
            minter.appendClickURL(job: context.job, row: row, link: id, target: target, to: &output)
        } else {
            output.append(contentsOf: target)
        }
        Self.escapeTail(of: &output, from: start, escape)
    }

    private func appendPageURL(
        _ operation: TemplateOperation,
        _ row: RowNumber,
        _ context: RenderContext,
        to output: inout [UInt8]
    ) throws(RenderProblem) {
        guard let minter = context.minter else { throw .noUnsubscribeURL(place: sites[Int(operation.site)].place) }
        let start = output.count
        let (job, list, language, recipient) = (context.job, context.list, context.language, context.recipient)
        if RecipientPage(rawValue: UInt8(operation.first)) == .preferences {
            minter.appendPreferencesURL(
                job: job,
                row: row,
                list: list,
                language: language,
                address: recipient,
                to: &output
            )
        } else {
            minter.appendUnsubscribeURL(
                job: job,
                row: row,
                list: list,
                language: language,
                address: recipient,
                to: &output
            )
        }
        Self.escapeTail(of: &output, from: start, operation.escape)
    }

    private func appendPixel(_ row: RowNumber, _ context: RenderContext, to output: inout [UInt8]) {
        guard let minter = context.minter else { return }
        output.append(contentsOf: Self.pixelStart)
        let start = output.count
        minter.appendOpenURL(job: context.job, row: row, to: &output)
        Self.escapeTail(of: &output, from: start, .html)
        output.append(contentsOf: Self.pixelEnd)
    }

    private static let pixelStart = Array("<img src=\"".utf8)
    private static let pixelEnd = Array("\" width=\"1\" height=\"1\" alt=\"\" style=\"border:0\">".utf8)

    /// Escapes what a minter wrote; nearly always there is nothing to do.
    private static func escapeTail(of output: inout [UInt8], from start: Int, _ escape: Escape) {
        guard escape == .html || escape == .unquoted else { return }
        guard Escape.needsEscaping(output, from: start) else { return }
        let raw = Array(output[start...])
        output.removeSubrange(start...)
        escape.append(raw, 0..<raw.count, to: &output)
    }
}
