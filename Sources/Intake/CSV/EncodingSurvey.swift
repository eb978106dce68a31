/// Reads a whole file past, and says what its encoding is, or that it cannot be known.
///
/// Nothing is guessed. Without a declaration a file is
/// - UTF-8 or UTF-16 if a byte-order mark says so;
/// - UTF-8 if every byte fits, or if its well-formed multibyte sequences outnumber the broken bytes more than four to
///   one (then the rows with broken bytes are invalid, each by itself);
/// - Windows-1252 if that is proved, see ``WesternProof``: every plausible encoding gives the same text;
/// - refused otherwise, with the place of the first byte that is not clear.
public struct EncodingSurvey {
    /// Why a file's encoding stays unknown, or why it is no text at all.
    struct Refusal: Error, Equatable {
        var problem: String
        var fix: String
        /// The first byte in question; `nil` where the whole file is.
        var offset: Int64?
    }

    private static let headLength = 4_096

    private var head: [UInt8] = []
    private var offset: Int64 = 0
    private var western = WesternProof()
    /// The started sequence of a character that the last piece cut in two.
    private var started: [UInt8] = []
    private var sequences = 0
    private var broken = 0
    private var firstBroken: Int64?

    /// A survey that has seen nothing.
    public init() {}

    /// Takes in the file's next bytes.
    public mutating func consume(_ piece: [UInt8]) {
        if head.count < Self.headLength { head.append(contentsOf: piece.prefix(Self.headLength - head.count)) }
        western.consume(piece, from: offset)
        if started.isEmpty {
            check(piece[...], from: offset)
        } else {
            // A few bytes are enough to end the cut character; the rest goes the quick way.
            var seam = started
            let before = Int64(seam.count)
            var taken = 0
            while taken < piece.count, piece[taken] & 0xC0 == 0x80, seam.count < 4 {
                seam.append(piece[taken])
                taken += 1
            }
            started = []
            check(seam[...], from: offset - before, isWhole: taken < piece.count || seam.count >= 4)
            if taken < piece.count || started.isEmpty { check(piece[taken...], from: offset + Int64(taken)) }
        }
        offset += Int64(piece.count)
    }

    private mutating func check(_ bytes: ArraySlice<UInt8>, from start: Int64, isWhole: Bool = false) {
        var index = bytes.startIndex
        while true {
            index = Self.nextBeyondASCII(in: bytes, from: index)
            guard index < bytes.endIndex else { return }
            if let length = RowText.sequenceLength(bytes, at: index) {
                sequences += 1
                index += length
                continue
            }
            if !isWhole, Self.mayGoOn(bytes[index...]) {
                started = Array(bytes[index...])
                return
            }
            broken += 1
            if firstBroken == nil { firstBroken = start + Int64(index - bytes.startIndex) }
            index += 1
        }
    }

    /// Whether these last bytes could be the start of a longer sequence.
    private static func mayGoOn(_ tail: ArraySlice<UInt8>) -> Bool {
        guard tail.count < 4, let lead = tail.first else { return false }
        let needed = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1
        return lead <= 0xF4 && tail.count < needed && tail.dropFirst().allSatisfy { $0 & 0xC0 == 0x80 }
    }

    static func nextBeyondASCII(in bytes: ArraySlice<UInt8>, from start: Int) -> Int {
        unsafe bytes.withUnsafeBytes { buffer in
            var index = start - bytes.startIndex
            while index + 8 <= buffer.count,
                unsafe buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                index += 8
            }
            while index < buffer.count, unsafe buffer[index] < 0x80 { index += 1 }
            return bytes.startIndex + index
        }
    }

    /// How many bytes are no part of a well-formed sequence; a character cut at the end counts one.
    var brokenBytes: Int {
        broken + (started.isEmpty ? 0 : 1)
    }

    /// The verdict after the last piece.
    func verdict(declared: TextEncoding?) throws(Refusal) -> FoundEncoding {
        if let name = FileSignature.name(of: head) {
            throw Refusal(problem: "this is \(name), not a CSV file", fix: "save the table as CSV in UTF-8")
        }
        if let marked = try byteOrderMark(declared: declared) { return marked }
        if declared == .utf16LittleEndian || declared == .utf16BigEndian, let declared {
            return FoundEncoding(declared, evidence: .declared)
        }
        if declared == .utf16 {
            throw Refusal(
                problem: "the file has no byte-order mark, so the order of its UTF-16 bytes is not known",
                fix: "save it as CSV in UTF-8"
            )
        }
        if let binary = FileSignature.binary(head) {
            throw Refusal(problem: binary, fix: "save the table as CSV in UTF-8")
        }
        return try unmarked(declared: declared)
    }

    private func unmarked(declared: TextEncoding?) throws(Refusal) -> FoundEncoding {
        let broken = brokenBytes
        let first = firstBroken ?? (started.isEmpty ? nil : offset - Int64(started.count))
        switch declared {
        case .utf8:
            return FoundEncoding(.utf8, evidence: .declared)
        case .windows1252:
            if broken == 0, sequences > 0 {
                throw Refusal(
                    problem: "the manifest says windows-1252, but the file is UTF-8",
                    fix: "remove `encoding` from the manifest"
                )
            }
            return FoundEncoding(.windows1252, evidence: .declared)
        default:
            if broken == 0 || sequences > 4 * broken { return FoundEncoding(.utf8, evidence: .valid) }
            if sequences == 0, western.holds { return FoundEncoding(.windows1252, evidence: .proved) }
            throw Refusal(
                problem: "this byte is not UTF-8, and the file does not prove which other encoding it has",
                fix: "save the table as CSV in UTF-8, or declare `encoding: windows-1252` if that is what it is",
                offset: sequences == 0 ? western.firstDoubt ?? first : first
            )
        }
    }

    private func byteOrderMark(declared: TextEncoding?) throws(Refusal) -> FoundEncoding? {
        let marks: [(bytes: [UInt8], encoding: TextEncoding)] = [
            ([0xEF, 0xBB, 0xBF], .utf8), ([0xFF, 0xFE], .utf16LittleEndian), ([0xFE, 0xFF], .utf16BigEndian),
        ]
        for mark in marks where head.starts(with: mark.bytes) {
            guard declared == nil || declared?.label == mark.encoding.label else {
                throw Refusal(
                    problem: "the manifest says \(declared?.rawValue ?? ""), but the file begins with the mark of "
                        + mark.encoding.label,
                    fix: "remove `encoding` from the manifest"
                )
            }
            return FoundEncoding(mark.encoding, markLength: mark.bytes.count, evidence: .mark)
        }
        return nil
    }
}
