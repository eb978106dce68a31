import YAML
/// Whether a file that is not UTF-8 is proved to be Windows-1252.
///
/// The proof does not ask what is likely; it asks whether any other reading would give another text:
/// 1. Only such bytes above 7F occur as mean the same in Windows-1250, -1252, -1254, -1257, -1258 and ISO 8859-1, -2, -3, -4,
///    -9, -10, -13, -15, -16: the letters `Ä É Ö Ü ß ä é ö ü`, NBSP `§` soft hyphen `°`, and Windows' punctuation from 80 to 9F
///    (which are control codes in ISO 8859). A French, Spanish, Nordic or Czech file has others and must be declared.
/// 2. An `é`, `ö` or `ü` stands between an ASCII letter and a lower-case ASCII letter at least once. In the code pages of DOS and the
///    Macintosh these bytes are capitals or symbols, which nobody writes there; in Cyrillic, Greek and East Asian encodings
///    they are parts of words without ASCII letters.
/// 3. Letters come at most two in a row and touch an ASCII letter (one may stand alone, as an initial), and of the
///    punctuation only ’ – — and the soft hyphen stand inside a word. Words of other scripts, and DOS text, break this.
struct WesternProof {
    private enum Class {
        case other, letter, symbol, joiner, foreign
    }

    private static let classes: [Class] = {
        var classes = [Class](repeating: .other, count: 128) + [Class](repeating: .foreign, count: 128)
        for byte in [0xC4, 0xC9, 0xD6, 0xDC, 0xDF, 0xE4, 0xE9, 0xF6, 0xFC] { classes[byte] = .letter }
        for byte in [0x80, 0x82, 0x84, 0x85, 0x86, 0x87, 0x89, 0x8B, 0x91, 0x93, 0x94, 0x95, 0x99, 0x9B] {
            classes[byte] = .symbol
        }
        for byte in [0xA0, 0xA7, 0xB0] { classes[byte] = .symbol }
        for byte in [0x92, 0x96, 0x97, 0xAD] { classes[byte] = .joiner }
        return classes
    }()

    private var contradicted = false
    private var evidence = false
    /// The last ASCII byte before the run of bytes above 7F, and the run itself.
    private var before: UInt8 = 0
    private var run: [UInt8] = []
    /// The place of the first byte that speaks against the proof, or of the first byte above 7F at all.
    private var doubt: Int64?
    private var first: Int64?

    /// Whether the proof holds for all that was seen.
    var holds: Bool {
        var copy = self
        copy.endRun(before: 0, at: 0)
        return copy.evidence && !copy.contradicted
    }

    /// The first byte that is not clear.
    var firstDoubt: Int64? {
        doubt ?? first
    }

    mutating func consume(_ piece: [UInt8], from offset: Int64) {
        guard !contradicted else { return }
        var index = 0
        while index < piece.count {
            let next = EncodingSurvey.nextBeyondASCII(in: piece[...], from: index)
            if next > index {
                endRun(before: piece[index], at: offset + Int64(index))
                before = piece[next - 1]
            }
            guard next < piece.count, !contradicted else { return }
            if first == nil { first = offset + Int64(next) }
            run.append(piece[next])
            // No run of a Western text is long; this also bounds what is kept.
            if run.count > 8 || Self.classes[Int(piece[next])] == .foreign {
                contradicted = true
                doubt = offset + Int64(next)
                return
            }
            index = next + 1
        }
    }

    /// Judges the bytes above 7F between two ASCII bytes, letters and punctuation taken apart.
    private mutating func endRun(before after: UInt8, at offset: Int64) {
        guard !run.isEmpty else { return }
        var start = 0
        while start < run.count {
            let isLetter = Self.classes[Int(run[start])] == .letter
            var end = start
            while end < run.count, (Self.classes[Int(run[end])] == .letter) == isLetter { end += 1 }
            let left = start == 0 ? before : 0
            let right = end == run.count ? after : 0
            let fits =
                isLetter
                ? judge(letters: run[start..<end], between: left, and: right)
                : judge(symbols: start..<end, between: left, and: right)
            if !fits, !contradicted {
                contradicted = true
                doubt = offset - Int64(run.count - start)
            }
            start = end
        }
        run.removeAll(keepingCapacity: true)
    }

    private mutating func judge(letters: ArraySlice<UInt8>, between left: UInt8, and right: UInt8) -> Bool {
        let touches = Self.isLetter(left) || Self.isLetter(right)
        if letters.count == 1, let letter = letters.first, [0xE9, 0xF6, 0xFC].contains(letter),
            Self.isLetter(left), Self.isLower(right)
        {
            evidence = true
        }
        return letters.count == 1 || letters.count == 2 && touches
    }

    private func judge(symbols: Range<Int>, between left: UInt8, and right: UInt8) -> Bool {
        let isInWord = isWord(left, at: symbols.lowerBound - 1) && isWord(right, at: symbols.upperBound)
        return !isInWord || run[symbols].allSatisfy { Self.classes[Int($0)] == .joiner }
    }

    private func isWord(_ neighbour: UInt8, at index: Int) -> Bool {
        run.indices.contains(index) ? Self.classes[Int(run[index])] == .letter : Self.isLetter(neighbour)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        isLower(byte | 0x20)
    }

    private static func isLower(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte)
    }
}
