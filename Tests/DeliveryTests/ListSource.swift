// swift-format-ignore-file: NeverForceUnwrap, NeverUseForceTry
// A fixture that cannot be made is a broken test, and may say so by trapping.

import Core
import DequeModule
import Dispatch
import NIOPosix
import Synchronization

@testable import Delivery

/// A source of so many messages, which gives back what was not tried, and keeps the results.
final class ListSource: MessageSource {
    struct State: Sendable {
        var waiting: Deque<UInt32> = []
        var underWay: Set<UInt32> = []
        var results: [UInt32: AttemptResult] = [:]
        var announced: [UInt32: Int] = [:]
        var handedBack = 0
        /// Rows that come when they are let go.
        var kept: Deque<UInt32> = []
        var problems: [String] = []
        var sender: RouteSender?
    }

    private let state: Mutex<State>
    private let size: Int
    private let large: UInt32?
    private let isPrompt: Bool

    /// More than systems buffer for a reader that does not read.
    static let largeContent = Array(
        ("Subject: Large\r\n\r\n" + String(repeating: line, count: 150_000)).utf8
    )
    static let line = "A line of this message, some sixty octets long or near it.\r\n"

    /// So many messages of so many lines, one of them large.
    ///
    /// Those above `first` come only when they are released. A prompt ledger always answers at once.
    init(_ count: Int, first: Int = .max, size: Int = 1, large: UInt32? = nil, isPrompt: Bool = false) {
        self.size = size
        self.large = large
        self.isPrompt = isPrompt
        let rows = count == 0 ? [] : Array(1...UInt32(count))
        state = Mutex(State(waiting: Deque(rows.prefix(first)), kept: Deque(rows.dropFirst(min(first, count)))))
    }

    /// The same, as soon as nothing else is under way.
    func releaseAtRest() {
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(5)) { [self] in
            let isAtRest = state.withLock { $0.underWay.isEmpty && $0.waiting.isEmpty }
            isAtRest ? release() : releaseAtRest()
        }
    }

    /// Lets the kept messages go.
    func release() {
        let sender = state.withLock { state in
            state.waiting.append(contentsOf: state.kept)
            state.kept = []
            return state.sender
        }
        sender?.wake()
    }

    var results: [UInt32: AttemptResult] { state.withLock { $0.results } }
    var problems: [String] { state.withLock { $0.problems } }
    var waiting: Int { state.withLock { $0.waiting.count } }
    var announced: Int { state.withLock { $0.announced.count } }

    /// How many were given back untried.
    var handedBack: Int { state.withLock { $0.handedBack } }
    /// What keeps the route from sending.
    var problem: RouteProblem? { state.withLock { $0.sender }?.problem }

    /// Sends all of it.
    func send(
        over route: RouteSettings,
        budget: RouteBudget? = nil,
        rate: (any RateStore)? = nil
    ) async throws -> RouteEnd {
        let group = MultiThreadedEventLoopGroup.singleton
        let sender = try RouteSender(route: route, group: group, source: self, budget: budget, rate: rate)
        state.withLock { $0.sender = sender }
        defer { state.withLock { $0.sender = nil } }
        return await sender.run()
    }

    func next() -> NextMessage {
        state.withLock { state in
            guard let row = state.waiting.popFirst() else {
                return state.underWay.isEmpty && state.kept.isEmpty ? .finished : .later
            }
            if !state.underWay.insert(row).inserted { state.problems.append("row \(row) is given out twice") }
            return .message(message(row))
        }
    }

    func willTransmit(_ message: Ticket, then promise: DurabilityPromise) {
        state.withLock { state in
            if !state.underWay.contains(message.row.value) { state.problems.append("announced without being given") }
            state.announced[message.row.value, default: 0] += 1
        }
        // Both ways that a ledger may answer: at once, and from a thread of its own.
        if isPrompt || message.row.value.isMultiple(of: 2) {
            promise(true)
        } else {
            DispatchQueue.global().async { promise(true) }
        }
    }

    func ended(_ message: Ticket, _ result: AttemptResult) {
        let row = message.row.value
        let sender = state.withLock { state in
            if state.underWay.remove(row) == nil { state.problems.append("row \(row) ended twice") }
            if result.verdict == .notTried {
                state.handedBack += 1
                state.waiting.append(row)
            } else {
                state.results[row] = result
            }
            return state.sender
        }
        sender?.wake()
    }

    private func message(_ row: UInt32) -> OutgoingMessage {
        let body = String(repeating: Self.line, count: size)
        return OutgoingMessage(
            ticket: Ticket(row: RowNumber(row), attempt: 1),
            sender: try! Address(localPart: "care", domain: "riverside.example"),
            recipient: try! Address(localPart: "row\(row)", domain: "example.org"),
            content: row == large ? Self.largeContent : Array("Subject: Row \(row)\r\n\r\n\(body)".utf8)
        )
    }
}
