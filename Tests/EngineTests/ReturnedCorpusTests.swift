import Bounces
import Core
import Delivery
import Files
import Foundation
import Intake
import Ledger
import TestSupport
import Testing
import Tracking

@testable import Engine

/// Reports that many mail systems wrote, sent to return paths of ours.
@Suite(.timeLimit(.minutes(3))) struct ReturnedCorpusTests {
    private static let directory = SharedCases.folder("bounces")
    private static let isThere = directory != nil
    private static let needs: Comment = "the shared reports are not here"

    /// A site with a job of as many rows as there are reports, all of them sent.
    private struct Post {
        let bench: Bench
        let id: JobID
        let files: [(name: String, bytes: [UInt8])]
        let intake: BounceIntake
        private let returnPath: ReturnPath

        init(settings: String = "") async throws {
            bench = try await Bench(more: "bounces: {domain: bounce.riverside.example\(settings)}\n")
            let directory = try #require(ReturnedCorpusTests.directory)
            files = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".eml") }
                .sorted().map { ($0, [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory + "/" + $0)))) }
            try bench.job("visit", .rows(files.count))
            let ledger = try bench.ledger("visit")
            for row in 1...files.count {
                ledger.append(.ended(RowNumber(UInt32(row)), Outcome(.sent, attempts: 1, finishedAt: .now)))
            }
            #expect(await ledger.close())
            let worker = bench.worker
            id = ledger.header.job
            intake = BounceIntake(site: worker.site, keys: worker.keys, store: worker.store, rules: .standard)
            returnPath = try #require(bench.site.returnPath(worker.keys))
        }

        func recipient(_ index: Int) throws -> Address { try AddressParser.parse("p\(index + 1)@example.test") }

        /// The return path of a report's message.
        func path(_ index: Int) throws -> String {
            try returnPath.address(job: id, row: RowNumber(UInt32(index + 1)), recipient: recipient(index)).text
        }

        /// All reports as they would come to some address each.
        func mails(_ address: (Int) throws -> String) throws -> [BounceIntake.Mail] {
            try files.enumerated().map { index, file in
                let address = try address(index)
                let top = "Return-Path: <>\nDelivered-To: \(address)\nX-Original-To: \(address)\n"
                // A mailbox file's first line comes before everything.
                var bytes = file.bytes
                var mark: [UInt8] = []
                if bytes.starts(with: "From ".utf8), let end = bytes.firstIndex(of: 0x0A) {
                    mark = Array(bytes[...end])
                    bytes = Array(bytes[(end + 1)...])
                }
                return BounceIntake.Mail(name: file.name, bytes: mark + top.utf8 + bytes)
            }
        }

        var events: [Event] {
            get throws {
                try EventReader(directory: try bench.site.outbox("events"), keys: bench.worker.keys.tokens).poll()
            }
        }
    }

    @Test("With a forged token, or none, no report of the collection counts", .enabled(if: isThere, needs))
    func forged() async throws {
        let post = try await Post()
        for change in 0..<3 {
            let results = try await post.intake.take(
                try post.mails { index in
                    var path = Array(try post.path(index))
                    switch change {
                    case 0: path[2 + index % 60] = path[2 + index % 60] == "a" ? "b" : "a"
                    case 1: path.swapAt(10, 11 + index % 40)
                    default: return "bounces@riverside.example"
                    }
                    // Two equal characters that change places change nothing.
                    return String(path) == (try post.path(index)) ? "nobody@riverside.example" : String(path)
                }
            )
            #expect(results.allSatisfy { !$0.verdict.isCounted && $0.job == nil })
        }
        #expect(try post.events.isEmpty)
    }

    @Test(
        "With its message's own token, each report says of its row what another reader makes of it; what is no bounce says nothing",
        .enabled(if: isThere, needs)
    )
    func real() async throws {
        let post = try await Post()
        let results = try await post.intake.take(try post.mails(post.path))
        let events = Dictionary(grouping: try post.events, by: { Int($0.row.value) - 1 })
        var expected: [String: Bool] = [:]
        let text = try String(contentsOfFile: try #require(Self.directory) + "/expected.csv", encoding: .utf8)
        for line in text.split(whereSeparator: \.isNewline).dropFirst() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            // Of several the mailbox that is dead counts.
            if !cells[2].isEmpty {
                expected[String(cells[0]), default: false] = expected[String(cells[0])] ?? (cells[6] == "1")
            }
        }
        var (right, all) = (0, 0)
        for (index, result) in results.enumerated() {
            let found = events[index] ?? []
            if result.name.hasPrefix("not-a-bounce") {
                #expect(found.isEmpty && !result.verdict.isCounted, "\(result.name)")
                continue
            }
            #expect(found.count == (result.verdict.isCounted ? 1 : 0), "\(result.name)")
            // No mailbox but the row's own is ever named.
            for event in found {
                let tag = AddressTagger(key: post.bench.worker.keys.addressTag).tag(of: try post.recipient(index))
                #expect(event.tag == tag, "\(result.name)")
            }
            guard let isHard = expected[result.name], result.verdict == .hardBounce || result.verdict == .softBounce
            else {
                continue
            }
            all += 1
            if (result.verdict == .hardBounce) == isHard { right += 1 }
        }
        print("returned mail: \(right) of \(all) reports are hard or soft as another reader has them")
        #expect(all > 200 && Double(right) >= 0.97 * Double(all))
        // Once more, all of it: nothing is new.
        let again = try await post.intake.take(try post.mails(post.path))
        #expect(again.allSatisfy { !$0.verdict.isCounted })
        #expect(try post.events.count == events.values.reduce(0) { $0 + $1.count })
    }

    @Test("Reports by the thousand are read in bounded memory, once each")
    func many() async throws {
        let count = Int(ProcessInfo.processInfo.environment["WARDPOST_REPORT_COUNT"] ?? "") ?? 1_000
        let bench = try await Bench(more: "bounces: {domain: bounce.riverside.example}\n")
        try bench.job("visit", .rows(count))
        let ledger = try bench.ledger("visit")
        for row in 1...count {
            ledger.append(.ended(RowNumber(UInt32(row)), Outcome(.sent, attempts: 1, finishedAt: .now)))
        }
        #expect(await ledger.close())
        let worker = bench.worker
        let intake = BounceIntake(site: worker.site, keys: worker.keys, store: worker.store, rules: .standard)
        let returnPath = try #require(bench.site.returnPath(worker.keys))
        let began = ContinuousClock.now
        var counted = 0
        for start in stride(from: 1, through: count, by: 256) {
            let batch = try (start..<min(start + 256, count + 1)).map { row in
                let recipient = "p\(row)@example.test"
                let path = try returnPath.address(
                    job: ledger.header.job,
                    row: RowNumber(UInt32(row)),
                    recipient: try AddressParser.parse(recipient)
                )
                return BounceIntake.Mail(
                    name: "\(row)",
                    bytes: Array(Reports.delivery(to: path.text, about: recipient).utf8)
                )
            }
            counted += try await intake.take(batch).count { $0.verdict == .hardBounce }
        }
        print("returned mail: \(count) reports in \(ContinuousClock.now - began)")
        #expect(counted == count)
        let events = try EventReader(directory: try bench.site.outbox("events"), keys: worker.keys.tokens).poll()
        #expect(events.count == count && Set(events.map(\.row)).count == count)
        #expect(Set(events.compactMap(\.tag)).count == count)
    }
}
