import Core

/// Looks whether a template is text at all.
enum TemplateText {
    /// Reports bytes that are not UTF-8 and control characters that no message should hold.
    static func check(_ source: TemplateSource, diagnostics: inout [Diagnostic]) {
        let places = PlaceMap(source)
        guard let text = String(validating: source.bytes, as: UTF8.self) else {
            diagnostics.append(
                Diagnostic(
                    "the template is not UTF-8 text",
                    at: places.place(firstInvalid(source.bytes)),
                    fix: "save it as UTF-8"
                )
            )
            return
        }
        var offset = 0
        for scalar in text.unicodeScalars {
            if isRefused(scalar) {
                let code = String(scalar.value, radix: 16, uppercase: true)
                diagnostics.append(
                    Diagnostic(
                        "the control character U+\(String(repeating: "0", count: max(0, 4 - code.count)))\(code)",
                        at: places.place(offset),
                        fix: "take it out"
                    )
                )
            }
            offset += UTF8.width(scalar)
        }
    }

    private static func isRefused(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D: false
        case 0..<0x20, 0x7F..<0xA0: true
        default: false
        }
    }

    private static func firstInvalid(_ bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            offset += UTF8.width(scalar)
        }
        return min(offset, bytes.count)
    }
}
