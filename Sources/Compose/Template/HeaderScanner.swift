import Core

/// Checks what is to stand in a header or in a file's name.
enum HeaderScanner {
    static func scan(
        _ flat: [FlatItem],
        columns: ColumnTable,
        allowsPHI: Bool,
        diagnostics: inout [Diagnostic]
    ) -> [TemplatePiece]? {
        var found: [Diagnostic] = []
        var pieces: [TemplatePiece] = []
        func checkColumn(_ name: String, _ place: Place) {
            guard !allowsPHI, !columns.plain.contains(name) else { return }
            found.append(
                Diagnostic(
                    "column \(name) is PHI and cannot stand in a header",
                    at: place,
                    fix: "take it out, or list the column under plain if it is not PHI"
                )
            )
        }
        for item in flat {
            switch item {
            case .text(let bytes, let place):
                if let at = bytes.firstIndex(where: { $0 < 0x20 && $0 != .tab }) {
                    found.append(
                        Diagnostic(
                            "a line break in a header",
                            at: place.advanced(over: bytes[..<at]),
                            fix: "write it on one line"
                        )
                    )
                }
                pieces.append(.bytes(Array(bytes)))
            case .constant(let name, let text, let place):
                if Escape.hasControl(text, 0..<text.count) {
                    found.append(
                        Diagnostic(
                            "{{\(name)}} holds a line break and cannot stand in a header",
                            at: place,
                            fix: "take it out"
                        )
                    )
                }
                pieces.append(.bytes(text))
            case .value(let value) where value.binding.isPage:
                found.append(
                    Diagnostic("{{\(value.name)}} cannot stand in a header", at: value.place, fix: "take it out")
                )
            case .value(let value):
                checkColumn(value.name, value.place)
                let fallback = Array((columns.defaults[value.name] ?? "").utf8)
                if Escape.hasControl(fallback, 0..<fallback.count) {
                    found.append(
                        Diagnostic(
                            "the default of column \(value.name) holds a line break and cannot stand in a header",
                            at: value.place,
                            fix: "write the default on one line"
                        )
                    )
                }
                pieces.append(.cell(value, .header))
            case .open(let condition):
                checkColumn(condition.name, condition.place)
                pieces.append(.open(condition))
            case .close:
                pieces.append(.close)
            }
        }
        diagnostics += found
        return found.isEmpty ? pieces : nil
    }
}
