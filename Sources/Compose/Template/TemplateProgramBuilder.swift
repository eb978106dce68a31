import Core

/// Turns pieces into a program: literals in one pool, columns by number, sections as jumps.
struct TemplateProgramBuilder {
    private let columns: ColumnTable
    private var program = CompiledTemplate()
    private var open: [Int] = []
    /// A literal may not grow across a jump's target.
    private var canMerge = false

    private init(columns: ColumnTable) {
        self.columns = columns
    }

    static func program(of pieces: [TemplatePiece], columns: ColumnTable) -> CompiledTemplate {
        var builder = TemplateProgramBuilder(columns: columns)
        var index = 0
        while index < pieces.count {
            index += builder.add(pieces, at: index)
        }
        return builder.program
    }

    /// Adds the piece at an index; returns how many it took.
    private mutating func add(_ pieces: [TemplatePiece], at index: Int) -> Int {
        switch pieces[index] {
        case .bytes(let bytes):
            addLiteral(bytes)
        case .cell(let value, let escape):
            addCell(value, escape)
        case .page(let page, let escape, let place):
            add(.page, escape: escape, first: Int(page.rawValue), site: addSite("", place))
        case .open(let condition):
            addUse(condition.column, condition.place)
            open.append(program.operations.count)
            add(condition.inverted ? .jumpIfFilled : .jumpIfEmpty, first: condition.column)
        case .close:
            if let start = open.popLast() {
                program.operations[start].second = Int32(program.operations.count)
            }
            canMerge = false
        case .linkStart(let id):
            if let count = addFixedLink(pieces, at: index, id: id) { return count }
            add(.linkStart)
        case .linkEnd(let id, let escape):
            add(.linkEnd, escape: escape, first: id)
        case .pixel:
            add(.pixel)
        case .softSpace(let count):
            add(.softSpace, first: count)
        case .softBreak(let lines, let indentation):
            add(.softBreak, first: lines, second: indentation)
        case .finish:
            add(.finish)
        }
        return 1
    }

    /// A target without tags needs no writing at all.
    private mutating func addFixedLink(_ pieces: [TemplatePiece], at index: Int, id: Int) -> Int? {
        var target: [UInt8] = []
        var end = index + 1
        while end < pieces.count, case .bytes(let bytes) = pieces[end] {
            target += bytes
            end += 1
        }
        guard end < pieces.count, case .linkEnd(_, let escape) = pieces[end] else { return nil }
        let start = program.pool.count
        program.pool += target
        add(.link, escape: escape, first: start, second: program.pool.count, site: id)
        return end - index + 1
    }

    private mutating func addLiteral(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        let start = program.pool.count
        program.pool += bytes
        if canMerge, let last = program.operations.indices.last, program.operations[last].second == Int32(start) {
            program.operations[last].second = Int32(program.pool.count)
        } else {
            add(.literal, first: start, second: program.pool.count)
            canMerge = true
        }
    }

    private mutating func addCell(_ value: TemplateValue, _ escape: Escape) {
        let column: Int
        switch value.binding {
        case .column(let number): column = number
        case .page(let page):
            return add(.page, escape: escape, first: Int(page.rawValue), site: addSite("", value.place))
        }
        addUse(column, value.place)
        var fallback = -1
        if !value.guarded, let text = columns.defaults[value.name] {
            fallback = program.fallbacks.count
            let start = program.pool.count
            program.pool += escape.escaped(Array(text.utf8))
            program.fallbacks.append(start..<program.pool.count)
        }
        add(.cell, escape: escape, first: column, second: fallback, site: addSite(value.name, value.place))
    }

    private mutating func addUse(_ column: Int, _ place: Place) {
        let use = ColumnUse(column: column, place: place)
        if !program.uses.contains(use) { program.uses.append(use) }
    }

    private mutating func addSite(_ column: String, _ place: Place) -> Int {
        program.sites.append(TemplateSite(column: column, place: place))
        return program.sites.count - 1
    }

    private mutating func add(
        _ code: TemplateOperation.Code,
        escape: Escape = .none,
        first: Int = 0,
        second: Int = 0,
        site: Int = 0
    ) {
        canMerge = false
        program.operations.append(
            TemplateOperation(
                code: code,
                escape: escape,
                first: Int32(first),
                second: Int32(second),
                site: Int32(site)
            )
        )
    }
}
