internal import NIOCore
internal import NIOPosix
public import OpenSSL
public import ServiceLifecycle
internal import Web

/// The API over HTTPS.
public struct APIServer: Service {
    /// Why the server cannot start.
    public struct Refused: Error, Hashable, Sendable, CustomStringConvertible {
        /// For a person.
        public let description: String
    }

    private let host: String
    private let port: Int
    private let certificates: WebCertificates
    private let handler: APIHandler
    private let onRunning: @Sendable (Int) async -> Void

    /// Prepares the server; it listens when it is run.
    ///
    /// - Parameters:
    ///   - host: The address to listen on.
    ///   - port: The port; 0 lets the system choose.
    ///   - certificatePEM: The certificate chain in PEM form, the server's own first.
    ///   - keyPEM: The certificate's private key in PEM form.
    ///   - handler: What answers.
    ///   - onRunning: Told the port when the server listens.
    public init(
        host: String,
        port: Int,
        certificatePEM: [UInt8],
        keyPEM: SecretBytes,
        handler: APIHandler,
        onRunning: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) throws(Refused) {
        self.host = host
        self.port = port
        self.handler = handler
        self.onRunning = onRunning
        do throws(OpenSSLError) {
            certificates = try WebCertificates([
                WebIdentity(name: "", certificatePEM: certificatePEM, keyPEM: keyPEM)
            ])
        } catch {
            throw Refused(description: "the API's certificate and key cannot be used: \(error)")
        }
    }

    /// Serves until it is told to stop; answers what it has begun.
    public func run() async throws {
        // Questions wait for the disk, and event loops must not.
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        let room = APIRoom(threads: threads, handler: handler)
        var limits = WebLimits()
        limits.connections = 256
        limits.connectionsPerAddress = 64
        let server = WebServer(
            [
                WebServer.Listener(host: host, port: port, certificates: certificates) { eventLoop in
                    APIResponder(room, eventLoop)
                }
            ],
            limits: limits,
            threads: 1
        )
        let ports = try await server.start()
        await onRunning(ports.first ?? 0)
        try? await gracefulShutdown()
        await server.stop(politely: !Task.isCancelled)
        try? await threads.shutdownGracefully()
        try Task.checkCancellation()
    }
}

/// Where questions are worked out.
private struct APIRoom: Sendable {
    let threads: NIOThreadPool
    let handler: APIHandler
}

/// Hands requests to threads that may wait, and their answers back.
private final class APIResponder: WebResponder {
    /// How many questions may wait at once on a loop; more are answered with 503.
    private static let most = 64

    private let room: APIRoom
    private let eventLoop: any EventLoop
    private var waiting = 0

    init(_ room: APIRoom, _ eventLoop: any EventLoop) {
        self.room = room
        self.eventLoop = eventLoop
    }

    func respond(to request: WebRequest, _ exchange: any WebExchange) {
        guard waiting < Self.most else {
            exchange.answer(WebAnswer(APIProblem.busy.answer))
            return
        }
        waiting += 1
        let asked = APIRequest(request)
        let work = room.threads.runIfActive(eventLoop: eventLoop) { [handler = room.handler] in handler.answer(asked) }
        work.assumeIsolated().whenComplete { result in
            self.waiting -= 1
            let answer = (try? result.get()) ?? APIProblem.busy.answer
            exchange.answer(WebAnswer(answer))
        }
    }
}

extension WebAnswer {
    fileprivate convenience init(_ answer: APIAnswer) {
        self.init(answer.status, answer.fields, body: answer.body)
    }
}

extension APIRequest {
    fileprivate init(_ request: WebRequest) {
        self.init(
            request.methodName,
            String(decoding: request.path, as: UTF8.self),
            query: String(decoding: request.query, as: UTF8.self),
            authorization: request.headers["authorization"],
            accept: request.headers["accept"],
            ifNoneMatch: request.headers["if-none-match"]
        )
    }
}
