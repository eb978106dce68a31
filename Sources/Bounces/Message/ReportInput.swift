/// Makes a message's bytes fit for a parser that trusts them: bounded in every direction, one kind of line end, no NUL.
///
/// What a report says stands before what it gives back, so cutting a message short loses nothing that is looked for.
enum ReportInput {
    /// How many bytes of a message are read; the rest is left out.
    static let maximumBytes = 1 << 20
    /// How long one line may be; the rest of it is left out.
    static let maximumLine = 64 << 10
    /// How many bytes of lines that go on another (a folded header field) are read in one stretch.
    static let maximumFold = 64 << 10
    /// How many lines may look like a boundary before reading stops.
    static let maximumDelimiters = 2_000
    /// How many boundaries may be declared before reading stops.
    static let maximumBoundaries = 40

    /// The bytes that GMime gets.
    static func prepared(_ input: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(min(input.count, maximumBytes))
        var guarded = Guarded()
        var index = input.startIndex
        let end = min(input.count, maximumBytes)
        // An mbox's separator is no header field.
        if input.starts(with: "From ".utf8) || input.starts(with: ">From ".utf8) {
            index = (input[..<end].firstIndex(of: 0x0A) ?? end - 1) + 1
        }
        while index < end {
            let stop = input[index..<end].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? end
            let line = input[index..<stop].prefix(maximumLine)
            index = stop + 1
            if stop < end, input[stop] == 0x0D {
                // A CR before a line's end that has one already (CR CR LF) is one line end, too.
                if index + 1 < end, input[index] == 0x0D, input[index + 1] == 0x0A { index += 1 }
                if index < end, input[index] == 0x0A { index += 1 }
            }
            switch guarded.take(line) {
            case .keep:
                output.append(contentsOf: line.lazy.map { $0 == 0 ? 0x20 : $0 })
                output.append(0x0A)
            case .skip: break
            case .stop: return output
            }
        }
        return output
    }

    private enum Verdict {
        case keep
        case skip
        case stop
    }

    /// Counts what could make a parser work out of proportion.
    private struct Guarded {
        private var fold = 0
        private var delimiters = 0
        private var boundaries = 0

        mutating func take(_ line: ArraySlice<UInt8>) -> Verdict {
            let isFolded = line.first == 0x20 || line.first == 0x09
            if isFolded {
                fold += line.count
                if fold > maximumFold { return .skip }
            } else {
                fold = 0
            }
            if line.starts(with: "--".utf8) {
                delimiters += 1
                if delimiters > maximumDelimiters { return .stop }
            }
            if Lines.holdsBoundary(line) {
                boundaries += 1
                if boundaries > maximumBoundaries { return .stop }
            }
            return .keep
        }
    }
}
