import Delivery
import Foundation
import OpenSSL
import Synchronization
import TestSupport

/// A receiving server in this process that keeps what it gets in a folder like a Maildir.
final class Sink: Sendable {
    private let directory: TemporaryDirectory
    private let options: CaptureOptions
    private let running: Mutex<CaptureServer>
    /// The server.
    var server: CaptureServer { running.withLock { $0 } }
    /// Where it listens.
    let port: Int
    /// Where messages go.
    var folder: String { directory.path("mail") }
    /// The file with a line for each message, written before its sender is told.
    var log: String { directory.path("log") }

    /// Starts a server with a certificate of an authority.
    ///
    /// - Parameters:
    ///   - authority: Who vouches for it.
    ///   - keeps: Whether messages are kept; their lines in the log always are, unless both are off.
    ///   - logs: Whether there is a log.
    ///   - change: What else is to be different.
    init(
        _ authority: Authority,
        keeps: Bool = true,
        logs: Bool = false,
        change: (inout CaptureOptions) -> Void = { _ in }
    ) async throws {
        directory = try TemporaryDirectory()
        let issued = try authority.issued(["localhost", "127.0.0.1"])
        var options = CaptureOptions(certificateChainPEM: issued.chainPEM, keyPEM: issued.keyPEM)
        options.store = keeps ? .folder(directory.path("mail")) : .discard
        if logs { options.log = directory.path("log") }
        change(&options)
        let server = try CaptureServer(options)
        options.port = try await server.start()
        port = options.port
        self.options = options
        running = Mutex(server)
    }

    deinit {
        // Nobody waits for it; its loops end when its connections have.
        Task { [server] in try? await server.shutdown() }
    }

    /// Cuts all connections, whatever they are at, and listens no more.
    func stop() async throws {
        try await server.shutdown()
    }

    /// Listens again where it did before.
    func restart() async throws {
        // Somebody else's connection may have got the number for a moment.
        let server = try await eventually("port \(port) is free again") { [options] in
            let server = try CaptureServer(options)
            guard (try? await server.start()) != nil else {
                try await server.shutdown()
                return nil as CaptureServer?
            }
            return server
        }
        running.withLock { $0 = server }
    }

    /// How often each recipient got a message, by the log.
    func deliveries() throws -> [Substring: Int] {
        let text = try String(contentsOfFile: log, encoding: .utf8)
        var counts: [Substring: Int] = [:]
        for line in text.split(separator: "\n") {
            counts[line.prefix { $0 != "\t" }, default: 0] += 1
        }
        return counts
    }
}
