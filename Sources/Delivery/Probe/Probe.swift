import Core
public import NIOCore
import NIOPosix
import OpenSSL

/// Tries a route as a row would: connects, EHLO, STARTTLS, verified TLS, EHLO, AUTH where there are credentials, QUIT.
///
/// It goes through the same sessions as messages do, so nothing more can be said in clear than by them; and it has no
/// message, so MAIL is never said.
public struct Probe: Sendable {
    /// The longest that one answer is awaited: somebody waits at a terminal.
    public static let patience: Duration = .seconds(30)

    private let route: RouteSettings
    private let group: any EventLoopGroup
    private let tls: TLSContext

    /// Prepares to try a route; throws if its roots or its certificate cannot be used.
    public init(route: RouteSettings, group: any EventLoopGroup) throws {
        var route = route
        route.timeouts.shorten(to: Self.patience)
        self.route = route
        self.group = group
        // A full handshake, so that what is shown is what the server has now.
        tls = try TLSContext(route, resumesSessions: false)
    }

    /// Prepares to try a route on the process's own event loops.
    public init(route: RouteSettings) throws {
        try self.init(route: route, group: MultiThreadedEventLoopGroup.singleton)
    }

    /// Tries each of the route's relays, one after the other.
    public func run() async -> [ProbeReport] {
        var reports: [ProbeReport] = []
        for relay in route.relays.indices { reports.append(await run(route.towards(relay))) }
        return reports
    }

    private func run(_ route: RouteSettings) async -> ProbeReport {
        guard let tokens = route.tokens else { return await connect(route, token: nil) }
        let answer = await withCheckedContinuation { done in tokens.token { done.resume(returning: $0) } }
        switch answer {
        case .failure(let problem):
            let kind: ConnectionEnd.Kind = problem.isTemporary ? .lost : .authentication
            let end = ConnectionEnd(kind: kind, reason: .authentication, detail: problem.detail)
            return ProbeReport(route, end: end)
        case .success(let token):
            let report = await connect(route, token: token)
            // So that a token which is refused here is not taken for a good one afterwards.
            if report.mechanism != nil { tokens.wasAccepted(token) }
            return report
        }
    }

    private func connect(_ route: RouteSettings, token: AccessToken?) async -> ProbeReport {
        let loop = group.next()
        let tls = tls
        let promise = loop.makePromise(of: ProbeReport.self)
        ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(TimeAmount(route.timeouts.connect))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = ProbeHandler(route, tls: tls, token: token, promise)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: route.dial?.address ?? route.host, port: route.dial?.port ?? route.port)
            .whenFailure { error in
                let to = "\(route.host):\(route.dial?.port ?? route.port)"
                let detail = "no connection to \(to) (\(RouteSender.sentence(error)))"
                promise.succeed(ProbeReport(route, end: ConnectionEnd(kind: .lost, reason: .connect, detail: detail)))
            }
        do {
            return try await promise.futureResult.get()
        } catch {
            return ProbeReport(route, end: ConnectionEnd(kind: .lost, reason: .connect, detail: "the loops have ended"))
        }
    }
}

extension Timeouts {
    /// No answer may take longer.
    mutating func shorten(to limit: Duration) {
        greeting = min(greeting, limit)
        command = min(command, limit)
        connect = min(connect, limit)
        handshake = min(handshake, limit)
    }
}

extension ProbeReport {
    /// What is known without a connection.
    init(_ route: RouteSettings, end how: ConnectionEnd) {
        self.route = route.name
        server = route.host
        port = route.dial?.port ?? route.port
        mode = route.tls
        end =
            switch how.kind {
            case .goodbye: .ready
            case .lost: .unreachable
            case .refused, .insecure, .handshakeLost, .authentication: .held
            }
        problem =
            how.kind == .goodbye ? nil : RouteProblem(how.reason, detail: how.detail, server: route.host)
    }
}
