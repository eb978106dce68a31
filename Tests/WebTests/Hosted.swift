import NIOCore
import Synchronization
import Testing

@testable import Web

/// A server in clear on a port of the system's choice, whose answers say what was asked.
struct Hosted {
    let server: WebServer
    let port: Int
    /// The requests that its responders saw.
    let seen: Seen

    final class Seen: Sendable {
        private let requests = Mutex<[String]>([])

        func add(_ text: String) { requests.withLock { $0.append(text) } }
        var all: [String] { requests.withLock { $0 } }
    }

    /// Runs a body beside a server.
    static func run(
        certificates: WebCertificates? = nil,
        _ change: (inout WebLimits) -> Void = { _ in },
        _ body: (Hosted) async throws -> Void
    ) async throws {
        var limits = WebLimits()
        change(&limits)
        let seen = Seen()
        let server = WebServer(
            [
                .init(host: "127.0.0.1", port: 0, certificates: certificates) { eventLoop in
                    Echo(seen, eventLoop)
                }
            ],
            limits: limits,
            threads: 1
        )
        let port = try await server.start()[0]
        do {
            try await body(Hosted(server: server, port: port, seen: seen))
        } catch {
            await server.stop(politely: false)
            throw error
        }
        await server.stop(politely: false)
    }

    /// Answers with method, path and body; `/later` after a turn of the event loop, `/never` not at all.
    private final class Echo: WebResponder {
        private let seen: Seen
        private let eventLoop: any EventLoop

        init(_ seen: Seen, _ eventLoop: any EventLoop) {
            self.seen = seen
            self.eventLoop = eventLoop
        }

        func respond(to request: WebRequest, _ exchange: any WebExchange) {
            let path = String(decoding: request.path, as: UTF8.self)
            let text = "\(request.methodName) \(path) \(String(decoding: request.body, as: UTF8.self))"
            seen.add(text)
            let answer = WebAnswer(200, [("content-type", "text/plain")], body: Array("[\(text)]".utf8))
            switch path {
            case "/never": return
            case "/later":
                let bound = NIOLoopBound(exchange, eventLoop: eventLoop)
                eventLoop.execute { bound.value.answer(answer) }
            case "/large":
                exchange.answer(WebAnswer(200, body: Array(repeating: UInt8(ascii: "x"), count: 1 << 20)))
            default: exchange.answer(answer)
            }
        }
    }
}
