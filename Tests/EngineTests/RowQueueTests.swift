import Core
import Dispatch
import Synchronization
import Testing

@testable import Engine

/// A number that several tasks count down together.
private final class Countdown: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) {
        left = Atomic(count)
    }

    var isAboveZero: Bool { left.load(ordering: .sequentiallyConsistent) > 0 }

    func countDown() {
        left.subtract(1, ordering: .sequentiallyConsistent)
    }
}

@Suite struct RowQueueTests {
    static func row(_ number: UInt32) throws -> ReadyRow {
        ReadyRow(
            row: Row(number: RowNumber(number), line: Int(number)),
            recipient: try Address(localPart: "a", domain: "example.test"),
            attachments: [],
            attempts: 0
        )
    }

    @Test("Rows come out as they went in, and the first into an empty queue is told apart")
    func order() throws {
        let queue = RowQueue(capacity: 4)
        #expect(queue.push(try Self.row(1)) == .first)
        #expect(queue.push(try Self.row(2)) == .another)
        #expect(queue.counts.all > 0)
        #expect(queue.take()?.row.number == RowNumber(1))
        #expect(queue.take()?.row.number == RowNumber(2))
        #expect(queue.take() == nil && queue.counts.all == 0)
        #expect(queue.push(try Self.row(3)) == .first)
    }

    @Test("A queue that never runs empty gives its rows back one by one, round and round")
    func ring() throws {
        let queue = RowQueue(capacity: 3)
        _ = queue.push(try Self.row(1))
        for number in 2...1_000 as ClosedRange<UInt32> {
            #expect(queue.push(try Self.row(number)) == .another)
            #expect(queue.take()?.row.number == RowNumber(number - 1))
        }
        #expect(queue.close().map(\.row.number) == [RowNumber(1_000)])
    }

    @Test("A feeder that waits for room goes on when a row is taken", .timeLimit(.minutes(1)))
    func waits() async throws {
        let queue = RowQueue(capacity: 2)
        let rows = try (1...50 as ClosedRange<UInt32>).map { try Self.row($0) }
        async let pushed: Int = withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: rows.count { queue.push($0) != .refused })
            }
        }
        var taken: [UInt32] = []
        while taken.count < rows.count {
            if let row = queue.take() { taken.append(row.row.number.value) } else { await Task.yield() }
        }
        #expect(taken == Array(1...50))
        #expect(await pushed == 50)
    }

    @Test("Ten thousand rows come out once each, and in order, whoever takes them", .timeLimit(.minutes(1)))
    func manyTakers() async throws {
        let queue = RowQueue(capacity: 16)
        let rows = try (1...10_000 as ClosedRange<UInt32>).map { try Self.row($0) }
        async let pushed: Int = withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: rows.count { queue.push($0) != .refused })
            }
        }
        let left = Countdown(rows.count)
        let taken = await withTaskGroup(of: [UInt32].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var own: [UInt32] = []
                    while left.isAboveZero {
                        guard let row = queue.take() else {
                            await Task.yield()
                            continue
                        }
                        left.countDown()
                        own.append(row.row.number.value)
                    }
                    return own
                }
            }
            return await group.reduce(into: [[UInt32]]()) { $0.append($1) }
        }
        #expect(await pushed == rows.count)
        #expect(taken.allSatisfy { $0 == $0.sorted() })
        #expect(taken.flatMap { $0 }.sorted() == Array(1...10_000))
    }

    @Test("Closing gives back what nobody took and lets a feeder go that waits", .timeLimit(.minutes(1)))
    func closing() async throws {
        let queue = RowQueue(capacity: 2)
        let rows = try (1...3 as ClosedRange<UInt32>).map { try Self.row($0) }
        let started = Atomic(0)
        async let results: [RowQueue.Pushed] = withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                var results: [RowQueue.Pushed] = []
                for row in rows {
                    started.add(1, ordering: .sequentiallyConsistent)
                    results.append(queue.push(row))
                }
                results.append(queue.push(rows[0]))
                continuation.resume(returning: results)
            }
        }
        while started.load(ordering: .sequentiallyConsistent) < 3 { await Task.yield() }
        #expect(queue.close().map(\.row.number.value) == [1, 2])
        #expect(await results == [.first, .another, .refused, .refused])
        #expect(queue.take() == nil)
        #expect(queue.close().isEmpty)
    }

    @Test("A queue may go with rows in it")
    func leftOver() throws {
        for count in 0...3 as ClosedRange<UInt32> {
            let queue = RowQueue(capacity: 8)
            for number in 0..<count { _ = queue.push(try Self.row(number + 1)) }
            if count == 3 { #expect(queue.close().count == 3) }
        }
    }
}
