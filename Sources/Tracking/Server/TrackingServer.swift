internal import Core
internal import NIOCore
internal import OpenSSL
public import ServiceLifecycle
internal import Synchronization
internal import Web

/// The tracking server: pixels, links and the unsubscribe page over HTTPS, HTTP/1.1 and HTTP/2.
///
/// Needs the token keys, its base URLs and a directory for events; no job, no address, no result is ever near it. Keeps no
/// access log, since request lines hold tokens; what it knows stands in the event log.
public struct TrackingServer: Service {
    /// Why the server cannot start.
    public struct Refused: Error, Hashable, Sendable, CustomStringConvertible {
        /// For a person.
        public let description: String
    }

    let site: TrackingSite
    private let options: Options
    private let log: EventLog
    private let counters = TrackingCounters()
    private let certificates: WebCertificates
    private let seal: TokenSeal
    private let onRunning: @Sendable (Int) async -> Void
    private let onFault: @Sendable (String) -> Void

    /// Prepares the server; it listens when it is run.
    ///
    /// - Parameters:
    ///   - options: What it needs to know.
    ///   - log: Where events go.
    ///   - clock: Milliseconds since 1970, for the events.
    ///   - onRunning: Told the port when the server listens.
    ///   - onFault: Told, for a person, of what goes wrong while the server runs and needs the operator; empty when new
    ///     certificates are in use.
    public init(
        _ options: Options,
        log: EventLog,
        clock: @escaping @Sendable () -> Int64 = { wallClock() },
        onRunning: @escaping @Sendable (_ port: Int) async -> Void = { _ in },
        onFault: @escaping @Sendable (_ problem: String) -> Void = { _ in }
    ) throws(Refused) {
        self.options = options
        self.log = log
        self.onRunning = onRunning
        self.onFault = onFault
        certificates = try Self.certificates(options)
        let seal = TokenSeal(options.keys, clock: clock)
        self.seal = seal
        let visits = Visits(
            classifier: options.classifier,
            notes: options.visitors ?? VisitorNotes(options.keys),
            clock: clock
        )
        let pages = Pages(siteName: options.siteName, lists: options.lists)
        var handlers: [Character: any PathHandler] = [
            "o": OpenHandler(seal: seal, visits: visits),
            "c": ClickHandler(seal: seal, visits: visits),
            "u": OptOutHandler(page: .unsubscribe, seal: seal, visits: visits, pages: pages),
            "p": OptOutHandler(page: .preferences, seal: seal, visits: visits, pages: pages),
        ]
        if let subscribe = options.subscribe {
            let handler = SubscribeHandler(subscribe, pages: pages, seal: seal)
            handlers["s"] = SubscribeFormHandler(handler: handler, clock: clock)
            handlers["y"] = ConfirmationHandler(handler: handler, clock: clock)
        }
        site = TrackingSite(
            bases: options.hosts.map(\.baseURL),
            handlers: handlers,
            health: HealthHandler(log: log),
            pages: pages
        )
    }

    /// Serves until it is told to stop; answers what it has begun.
    public func run() async throws {
        var listeners = [
            WebServer.Listener(host: options.host, port: options.port, certificates: certificates) {
                [site, log, counters] eventLoop in
                TrackingResponder(site, log, counters, eventLoop)
            }
        ]
        let metrics = Metrics(log: log, counters: counters)
        if let address = options.metrics {
            var listener = WebServer.Listener(host: address.host, port: address.port, certificates: nil) { _ in
                MetricsResponder(metrics)
            }
            listener.isLimited = false
            listeners.append(listener)
        }
        let server = WebServer(listeners, limits: options.limits.web)
        metrics.server.withLock { $0 = server }
        let ports = try await server.start()
        await onRunning(ports[0])
        if ports.count > 1 { await options.metrics?.onRunning(ports[1]) }
        await withDiscardingTaskGroup { group in
            group.addTask { await watchCertificates(metrics) }
            group.addTask { await watchKeys() }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await server.stop(politely: !Task.isCancelled) { await log.flush() }
        metrics.server.withLock { $0 = nil }
        try Task.checkCancellation()
    }

    /// Looks for changed certificates every few seconds, until the task is cancelled.
    private func watchCertificates(_ metrics: Metrics) async {
        var known = options.hosts.map { ($0.certificatePEM, $0.keyPEM) }
        var told = ""
        while (try? await Task.sleep(for: .seconds(options.reloadSeconds))) != nil {
            var isChanged = false
            do {
                var next = known
                for (index, host) in options.hosts.enumerated() {
                    guard let (certificate, key) = try host.reload() else { continue }
                    next[index] = (certificate, key)
                    isChanged = true
                }
                guard isChanged else { continue }
                try certificates.replace(Self.identities(options, next))
                known = next
                counters.certificates.wrappingAdd(1, ordering: .relaxed)
                told = ""
                onFault("")
            } catch {
                counters.certificateFaults.wrappingAdd(1, ordering: .relaxed)
                let problem = "the tracking server keeps its old certificates: \(error)"
                // Once, and not every few seconds.
                if problem != told { onFault(problem) }
                told = problem
            }
        }
    }

    /// Looks for other token keys every few seconds, until the task is cancelled.
    ///
    /// The marks that tell a message's devices apart stay those of the key that there was at the start, so that nobody counts twice.
    private func watchKeys() async {
        var told = ""
        while (try? await Task.sleep(for: .seconds(options.reloadSeconds))) != nil {
            do {
                let new = try options.reloadKeys()
                told = ""
                guard let keys = new else { continue }
                seal.use(keys)
                log.use(keys)
                counters.keys.wrappingAdd(1, ordering: .relaxed)
            } catch {
                counters.keyFaults.wrappingAdd(1, ordering: .relaxed)
                let problem = "the tracking server keeps its old token keys: \(error)"
                if problem != told { onFault(problem) }
                told = problem
            }
        }
    }

    private static func identities(_ options: Options, _ pairs: [([UInt8], SecretBytes)]) -> [WebIdentity] {
        zip(options.hosts, pairs).map { host, pair in
            WebIdentity(name: host.baseURL.host, certificatePEM: pair.0, keyPEM: pair.1)
        }
    }

    private static func certificates(_ options: Options) throws(Refused) -> WebCertificates {
        do {
            return try WebCertificates(identities(options, options.hosts.map { ($0.certificatePEM, $0.keyPEM) }))
        } catch {
            switch error.code {
            case .certificateUnreadable:
                throw Refused(description: "the tracking server's certificate is no PEM certificate chain")
            case .keyMismatch:
                throw Refused(description: "the tracking server's key does not belong to its certificate")
            default:
                throw Refused(description: "the tracking server's key is no PEM private key without a password")
            }
        }
    }
}
