import Delivery
import Foundation
import OpenSSL
import Synchronization
import TestSupport

@testable import Engine

/// A receiving server in this process, with a certificate for `localhost`, that remembers who got what.
final class Relay: Sendable {
    /// The authority that clients are told to trust.
    static let certificates = fixture { try LocalCertificates(days: 2) }
    /// Another one.
    static let stranger = fixture { try LocalCertificates(days: 2) }

    let port: Int
    private let server: CaptureServer
    private let box: Box

    /// What came, and who wants to hear of it.
    private final class Box: Sendable {
        let messages = Mutex<[CapturedMessage]>([])
        let times = Mutex<[ContinuousClock.Instant]>([])
        let onMessage = Mutex<(@Sendable (Int) -> Void)?>(nil)
    }

    /// Starts a server.
    init(
        by authority: LocalCertificates = certificates,
        change: (inout CaptureOptions) -> Void = { _ in }
    ) async throws {
        let issued = try authority.issue()
        var options = CaptureOptions(certificateChainPEM: issued.chainPEM, keyPEM: issued.keyPEM)
        let box = Box()
        options.onMessage = { message in
            box.times.withLock { $0.append(.now) }
            let count = box.messages.withLock { messages in
                messages.append(message)
                return messages.count
            }
            box.onMessage.withLock { $0 }?(count)
        }
        change(&options)
        self.box = box
        server = try CaptureServer(options)
        port = try await server.start()
    }

    /// Has a body run when the n-th message came, before it is answered.
    func at(_ number: Int, _ body: @escaping @Sendable () -> Void) {
        box.onMessage.withLock { $0 = { count in if count == number { body() } } }
    }

    /// How many connections were made.
    var connections: Int { server.counters.connections }
    /// All messages.
    var messages: [CapturedMessage] { box.messages.withLock { $0 } }
    /// Who got a message, in the order in which they came.
    var recipients: [String] { messages.flatMap(\.recipients) }

    /// When messages came whose recipient's address ends so.
    func times(_ isWanted: (String) -> Bool) -> [ContinuousClock.Instant] {
        let times = box.times.withLock { $0 }
        return zip(messages, times).filter { $0.0.recipients.contains(where: isWanted) }.map(\.1).sorted()
    }

    func stop() async {
        try? await server.shutdown()
    }
}

/// A fixture that cannot be made is a broken test, and may say so by trapping.
func fixture<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("\(error)") }
}
