import Core
import Files
import Intake
import Ledger

/// What a `RETRY` file asks for.
///
/// An empty file means all rows that failed, were held or were cancelled, and those that wait after a refusal. Otherwise each
/// word is a state, a row's number, or a range such as `5-9`, and nothing else is tried. Rows whose fate is `unknown` are taken by
/// that word or by number only, since their messages may have arrived. Keys are not taken: the file may be copied to places where
/// no row is to be told by its patient.
struct RetryRequest: Equatable, Sendable {
    static let limit = 1 << 20
    private static let file = JobFiles.Control.retry.rawValue
    /// How many ranges stand in one line of the ledger.
    private static let chunk = 10_000
    private static let states: [RowStatus] = [.failed, .held, .cancelled, .unknown, .invalid, .suppressed]
    private static let stateWords = "failed, held, cancelled, deferred, unknown"

    /// What the ledger is told, in this order.
    let selections: [RowSelection]
    /// The highest row that is named, and where.
    private let highest: (row: UInt32, place: Place)?

    /// Reads the file in a job's folder.
    init(_ folder: JobFolder) throws {
        try self.init(Self.bytes(in: folder.directory))
    }

    private static func bytes(in directory: Directory) throws -> [UInt8] {
        do {
            return try directory.read(file, limit: limit)
        } catch {
            // What stays so, however often the file is read, must not keep the job from going on.
            if error.isNotFound || error.explanation == nil && error.mayPass { throw error }
            throw Diagnostic("\(error)", at: Place(file: file), fix: "drop one that can be read")
        }
    }

    init(_ bytes: [UInt8]) throws(Diagnostic) {
        try self.init(String(decoding: bytes, as: UTF8.self))
    }

    /// Reads the file's text; refuses words that are nothing of the kind.
    init(_ text: String) throws(Diagnostic) {
        var statuses: Set<RowStatus> = []
        var ranges: [ClosedRange<UInt32>] = []
        var wantsDeferred = false
        var highest: (row: UInt32, place: Place)?
        for (word, place) in Self.words(of: text) {
            if let status = RowStatus(rawValue: word.lowercased()), Self.states.contains(status) {
                statuses.insert(status)
            } else if word.lowercased() == "deferred" {
                wantsDeferred = true
            } else if case .rows(let rows)? = RowSelection(word), let last = rows.last?.upperBound {
                ranges += rows
                if last > highest?.row ?? 0 { highest = (last, place) }
            } else {
                throw Diagnostic(
                    word.lowercased() == "sent"
                        ? "rows that were sent are not sent again; a new job would do that"
                        : "a word is neither a state that can be tried again nor a row's number",
                    at: place,
                    fix: "write rows as 5 or 5-9, or states as \(Self.stateWords)"
                )
            }
        }
        if statuses.isEmpty, ranges.isEmpty, !wantsDeferred {
            statuses = [.failed, .held, .cancelled]
            wantsDeferred = true
        }
        selections =
            (statuses.isEmpty ? [] : [.statuses(statuses)]) + (wantsDeferred ? [.deferred] : [])
            + stride(from: 0, to: ranges.count, by: Self.chunk).map {
                .rows(Array(ranges[$0..<min($0 + Self.chunk, ranges.count)]))
            }
        self.highest = highest
    }

    /// What stands against the request in a job of so many rows.
    func problem(rows: Int) -> Diagnostic? {
        guard let highest, Int(highest.row) > rows else { return nil }
        return Diagnostic("a row is named that is not there", at: highest.place, fix: "the job's rows are 1 to \(rows)")
    }

    static func == (left: Self, right: Self) -> Bool {
        left.selections == right.selections
    }

    /// The words and where each begins; columns count characters, as editors do.
    private static func words(of text: String) -> [(String, Place)] {
        var words: [(String, Place)] = []
        var word = ""
        var (line, column, start) = (1, 0, 0)
        func end() {
            if !word.isEmpty { words.append((word, Place(file: file, line: line, column: start))) }
            word = ""
        }
        // Scalars, since CR LF is one character. A byte-order mark is what some editors put in front.
        for scalar in text.unicodeScalars where scalar != "\u{FEFF}" {
            column += 1
            if scalar == "," || scalar == ";" || scalar.properties.isWhitespace {
                end()
                if scalar == "\n" { (line, column) = (line + 1, 0) }
            } else {
                if word.isEmpty { start = column }
                word.unicodeScalars.append(scalar)
            }
        }
        end()
        return words
    }
}

/// A `RETRY` file as it lies in a folder, once it is still.
///
/// An upload makes an empty file first, and an empty one asks for more than one with words in it: so a file is read only when it
/// has not changed for a while by our own clock.
struct RetryFile: Sendable {
    private var status: FileStatus?
    private var since = ContinuousClock.now

    /// Takes in how the file is now; whether it has been still for so long.
    mutating func isStill(_ now: FileStatus, for time: Duration) -> Bool {
        if now != status {
            status = now
            since = .now
        }
        return ContinuousClock.now - since >= time
    }

    /// Waits until the file is still; `false` if it went away.
    static func settle(_ folder: JobFolder, for time: Duration) async throws -> Bool {
        var file = RetryFile()
        while let now = try folder.directory.status(of: JobFiles.Control.retry.rawValue), now.kind == .regular {
            if file.isStill(now, for: time) { return true }
            try await Task.sleep(for: min(time, .milliseconds(100)))
        }
        return false
    }
}
