import API
import Core
import Files
import Intake
public import Logging
import OpenSSL
public import ServiceLifecycle

extension Site {
    /// Whether the tracking server is to listen on this host.
    public var hasTrackingServer: Bool { configuration.tracking?.listen != nil }
}

/// The read-only API of a site, ready to run.
public struct APIService: Service {
    private let server: APIServer
    private let log: Logger

    /// Reads what the API needs; `nil` if the site has none.
    ///
    /// - Parameters:
    ///   - site: The site.
    ///   - onRunning: Told the port when the API listens.
    ///   - log: Where starts, stops and troubles are noted; requests never are.
    public init?(
        site: Site,
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in },
        log: Logger
    ) throws(EngineError) {
        guard let api = site.configuration.api else { return nil }
        let keys = APIKeyFile(site: site, name: api.keys, log: log)
        // A file that cannot be read is told now, not when the first one asks.
        _ = try keys.read()
        let handler = APIHandler(
            index: try SiteReports(site: site).index,
            version: Version.current,
            keys: { keys.current },
            onTrouble: { log.warning("the API's index", metadata: ["cause": "\($0)"]) }
        )
        do {
            server = try APIServer(
                host: api.listen.value.host,
                port: Int(api.listen.value.port),
                certificatePEM: try site.file(api.certificate),
                keyPEM: SecretBytes(copying: try site.secretFile(api.key)),
                handler: handler,
                onRunning: onRunning
            )
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.configuration, "\(error)", at: api.certificate.place)
        }
        self.log = log
        log.notice("API", metadata: ["listen": "\(api.listen.value)"])
    }

    /// Answers until told to stop.
    public func run() async throws {
        try await server.run()
        log.notice("stopped the API")
    }
}
