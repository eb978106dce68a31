/// The text of a claim: who has something, under which number, and a place for the signs of life.
///
///     wardpost-claim 1
///     host mail-1
///     process 8564
///     started 812345
///     boot 6f0c3a52-…
///     space 4026531836
///     milliseconds 30000
///     held   00000000000000000042
///
/// The last line has a fixed length and is rewritten in place: `held`, `closed` (let go, nothing was left half done) or
/// `failed` (let go in haste), and a count that grows with every sign of life.
struct Claim: Hashable {
    enum State: String {
        case held
        case closed
        case failed
    }

    var holder: Holder
    /// How long the holder wants to be missed before another follows.
    var milliseconds: Int
    var state: State
    var beat: UInt64

    private static let head = "wardpost-claim 1"
    /// `held   00000000000000000042` and a line feed.
    static let tail = 28
    static let longest = 4_096

    init(holder: Holder, milliseconds: Int, state: State = .held, beat: UInt64 = 0) {
        self.holder = holder
        self.milliseconds = milliseconds
        self.state = state
        self.beat = beat
    }

    /// Reads a claim; `nil` for one that was torn or damaged.
    init?(_ bytes: [UInt8]) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 9, lines[0] == Self.head, lines[8].isEmpty else { return nil }
        var values: [Substring] = []
        for (line, name) in zip(lines[1...6], ["host", "process", "started", "boot", "space", "milliseconds"]) {
            guard line.hasPrefix(name + " ") else { return nil }
            values.append(line.dropFirst(name.count + 1))
        }
        let last = lines[7].split(separator: " ")
        guard last.count == 2, let state = State(rawValue: String(last[0])), let beat = UInt64(last[1]),
            let process = Int(values[1]), let started = UInt64(values[2]), let space = UInt64(values[4]),
            let milliseconds = Int(values[5]), milliseconds > 0
        else { return nil }
        self.init(
            holder: Holder(
                host: String(values[0]),
                process: process,
                started: started,
                boot: String(values[3]),
                space: space
            ),
            milliseconds: milliseconds,
            state: state,
            beat: beat
        )
    }

    var bytes: [UInt8] {
        let host = holder.host.filter { $0 != "\n" && $0 != "\r\n" }
        return Array(
            """
            \(Self.head)
            host \(host)
            process \(holder.process)
            started \(holder.started)
            boot \(holder.boot)
            space \(holder.space)
            milliseconds \(milliseconds)

            """.utf8
        ) + tailBytes
    }

    /// The line that changes.
    var tailBytes: [UInt8] {
        let count = String(beat)
        let state = state.rawValue
        return Array(
            (state + String(repeating: " ", count: 7 - state.utf8.count)
                + String(repeating: "0", count: 20 - count.utf8.count) + count + "\n").utf8
        )
    }
}
