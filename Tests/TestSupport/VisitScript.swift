import Core
import Foundation
import YAML

/// A scripted visit to one message: who really comes, what is asked for and when, and what is to be made of it.
///
/// Read from `TrackingTests/Sessions/sessions.yaml`, which says what its keys mean.
public struct VisitScript: Sendable, CustomStringConvertible {
    /// What is asked for.
    public enum What: Hashable, Sendable {
        /// The pixel.
        case open
        /// A link, from 1; 0 is the decoy.
        case link(Int)
    }

    /// One request.
    public struct Request: Sendable {
        /// Seconds after the delivery.
        public var seconds: Double
        /// The method.
        public var method: String
        /// What is asked for.
        public var what: What
        /// Which of the agents asks, from 0.
        public var visitor: Int
        /// Who it really is: person, machine or proxy.
        public var truth: String
        /// The class and, of a program, the reason: `automated decoy`.
        public var expected: String
    }

    /// Who comes.
    public var who: String
    /// What they call themselves; `nil` for no name.
    public var agents: [String?]
    /// The first one's address, where it matters.
    public var address: String?
    /// A header that all requests have.
    public var header: (name: String, value: String)?
    /// The requests in their order.
    public var requests: [Request]
    /// Whether it can be played against a real server.
    public var isLive: Bool

    /// How many links the message has.
    public static let links = 4

    /// Who comes.
    public var description: String { who }

    /// All scripts of the file.
    public static func all(_ file: String = #filePath) throws -> [VisitScript] {
        let tests = URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
        let path = tests.appendingPathComponent("TrackingTests/Sessions/sessions.yaml")
        let problems = ProblemList()
        let root = try YAMLReader.read([UInt8](try Data(contentsOf: path)), file: "sessions.yaml")
        guard let reader = MappingReader(root, known: ["sessions"], problems: problems) else {
            throw Diagnostics(problems.all)
        }
        let scripts = reader.list("sessions", of: "sessions", required: true).compactMap { Self($0, problems) }
        try problems.throwIfAny()
        return scripts
    }

    private init?(_ node: YAMLNode, _ problems: ProblemList) {
        let known = ["who", "truth", "truths", "agents", "address", "header", "requests", "expect", "live"]
        guard let reader = MappingReader(node, path: "sessions", isItem: true, known: known, problems: problems) else {
            return nil
        }
        func texts(_ key: String, required: Bool = true) -> [String] {
            reader.list(key, of: "texts", required: required).compactMap { reader.text(named: key, $0)?.value }
        }
        let lines = texts("requests")
        let expected = texts("expect")
        let truths = texts("truths", required: false)
        guard let who = reader.text("who", required: true)?.value, let first = expected.first,
            let truth = reader.text("truth", required: true)?.value
        else { return nil }
        self.who = who
        agents = texts("agents").map { $0 == "none" ? nil : $0 }
        address = reader.text("address")?.value
        header = reader.text("header").map { text in
            let parts = text.value.components(separatedBy: ": ")
            return (parts[0], parts.dropFirst().joined(separator: ": "))
        }
        isLive = reader.flag("live")?.value ?? false
        requests = []
        for (index, line) in lines.enumerated() {
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 3 || words.count == 5, let seconds = Double(words[0]),
                let what = Self.what(words[2])
            else {
                problems.report("no request: \(line)", at: reader.place)
                return nil
            }
            requests.append(
                Request(
                    seconds: seconds,
                    method: words[1],
                    what: what,
                    visitor: words.count == 5 ? (Int(words[4]) ?? 1) - 1 : 0,
                    truth: truths.isEmpty ? truth : truths[index],
                    expected: expected.count == 1 ? first : expected[index]
                )
            )
        }
    }

    private static func what(_ word: String) -> What? {
        switch word {
        case "open": .open
        case "decoy": .link(0)
        default: Int(word).map { .link($0) }
        }
    }
}

/// How often what was made of something was what it is.
public struct ConfusionTable: Sendable, CustomStringConvertible {
    private var counts: [String: [String: Int]] = [:]

    /// Nothing was judged yet.
    public init() {}

    /// Counts one judgement.
    public mutating func add(truth: String, verdict: String) {
        counts[truth, default: [:]][verdict, default: 0] += 1
    }

    /// How often something of that truth was judged so.
    public subscript(truth: String, verdict: String) -> Int {
        counts[truth]?[verdict] ?? 0
    }

    /// A line for each truth, a column for each verdict.
    public var description: String {
        let verdicts = ["human", "automated"]
        func line(_ cells: [String]) -> String {
            cells.map { $0.padding(toLength: 12, withPad: " ", startingAt: 0) }.joined()
        }
        let rows = counts.keys.sorted().map { truth in line([truth] + verdicts.map { "\(self[truth, $0])" }) }
        return ([line(["truth"] + verdicts)] + rows).joined(separator: "\n")
    }
}
