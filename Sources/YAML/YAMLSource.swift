import Core

/// A configuration file's bytes, known to be UTF-8 text of a bearable size, and where its lines are.
///
/// Everything that libyaml would refuse in its own words, or take and read differently from an editor, is refused here.
struct YAMLSource {
    /// The largest file that is looked at.
    static let maximumSize = 256 * 1_024

    /// The file's name.
    let file: String
    /// The bytes behind a byte-order mark.
    let bytes: ArraySlice<UInt8>
    private let lineStarts: [Int]

    /// Checks a file's bytes.
    init(_ bytes: [UInt8], file: String) throws(Diagnostic) {
        guard bytes.count <= Self.maximumSize else {
            throw Diagnostic(
                "the file has \(bytes.count) bytes; at most \(Self.maximumSize) are read",
                at: Place(file: file),
                fix: "put texts into templates and recipients into the recipient file"
            )
        }
        self.file = file
        self.bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        self.lineStarts = Self.lineStarts(in: self.bytes)
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
            || bytes.count >= 2 && (bytes[0] == 0) != (bytes[1] == 0)
        {
            throw Diagnostic("the file is UTF-16", at: Place(file: file, line: 1, column: 1), fix: "save it as UTF-8")
        }
        try checkText()
    }

    /// A place from libyaml's mark, which counts from 0.
    func place(line: Int, column: Int) -> Place {
        Place(file: file, line: line + 1, column: column + 1)
    }

    /// A line without its end, counted from 0; empty behind the file's end.
    func line(_ number: Int) -> [Unicode.Scalar] {
        guard lineStarts.indices.contains(number) else { return [] }
        let end = number + 1 < lineStarts.count ? lineStarts[number + 1] : bytes.endIndex
        let line = bytes[lineStarts[number]..<end].prefix { $0 != 0x0A && $0 != 0x0D }
        return Array(String(decoding: line, as: UTF8.self).unicodeScalars)
    }

    /// Where lines start: behind CR LF, LF, or a lone CR as YAML has it.
    private static func lineStarts(in bytes: ArraySlice<UInt8>) -> [Int] {
        var starts = [bytes.startIndex]
        for (index, byte) in zip(bytes.indices, bytes) where byte == 0x0A || byte == 0x0D {
            if byte == 0x0A, index > bytes.startIndex, bytes[index - 1] == 0x0D { starts.removeLast() }
            starts.append(index + 1)
        }
        return starts
    }

    /// Refuses what is not UTF-8, and what no text editor shows.
    private func checkText() throws(Diagnostic) {
        var line = 0
        var column = 0
        var afterCR = false
        var decoder = Unicode.UTF8.ForwardParser()
        var input = bytes.makeIterator()
        while true {
            let scalar: Unicode.Scalar
            switch decoder.parseScalar(from: &input) {
            case .emptyInput: return
            case .error:
                throw Diagnostic(
                    "a byte that is not UTF-8",
                    at: place(line: line, column: column),
                    fix: "save the file as UTF-8"
                )
            case .valid(let encoded): scalar = Unicode.UTF8.decode(encoded)
            }
            switch scalar {
            case "\n" where afterCR:
                afterCR = false
                continue
            case "\n", "\r":
                line += 1
                column = 0
            case "\t":
                column += 1
            default:
                if let problem = Self.problem(with: scalar) {
                    throw Diagnostic(problem, at: place(line: line, column: column), fix: "remove it")
                }
                column += 1
            }
            afterCR = scalar == "\r"
        }
    }

    private static func problem(with scalar: Unicode.Scalar) -> String? {
        let code = String(scalar.value, radix: 16, uppercase: true)
        let name = "U+\(String(repeating: "0", count: max(0, 4 - code.count)))\(code)"
        return switch scalar.value {
        case 0: "a NUL character"
        case 0x01..<0x20, 0x7F..<0xA0: "a control character (\(name))"
        case 0x2028, 0x2029: "a line separator (\(name)), which YAML and editors read differently"
        case 0xFEFF: "a byte-order mark inside the file"
        case _ where scalar.value & 0xFFFE == 0xFFFE: "a code point that is no character (\(name))"
        default: nil
        }
    }
}
