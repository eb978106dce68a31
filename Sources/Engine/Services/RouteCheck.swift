public import Core
import Delivery
import OpenSSL

/// What was found when a job's route was tried, one relay at a time, as far as a row's message would begin.
public struct RouteCheck: Sendable {
    /// How far a relay let us come.
    public enum End: String, Sendable {
        /// A row's message could begin.
        case ready
        /// Not reached now; it may be later.
        case unreachable
        /// Rows would be held.
        case held
    }

    /// The certificate that a relay showed.
    public struct Certificate: Sendable {
        /// The SAN that the dialled name matched; `nil` for an address.
        public var matchedName: String?
        /// All its SANs, at most 100.
        public var names: [String]
        /// Its subject, which proves nothing.
        public var subject: String
        /// Its issuer.
        public var issuer: String
        /// Until when it is valid.
        public var notAfter: Timestamp
        /// The kind of its key.
        public var keyType: String
        /// The size of its key.
        public var keyBits: Int
        /// The algorithm of its signature.
        public var signature: String
        /// SHA-256 over it, in hexadecimal.
        public var fingerprint: String
    }

    /// The route's name.
    public let route: String
    /// The relay's host name.
    public let server: String
    /// The port that was dialled.
    public let port: Int
    /// The address that answered.
    public let address: String?
    /// How TLS began: `starttls` or `implicit`.
    public let mode: String
    /// How far it came.
    public let end: End
    /// What stopped it: the stable word and the sentence.
    public let problem: (reason: Reason, detail: String)?
    /// What a row's evidence would say.
    public let tls: TLSEvidence?
    /// The certificate.
    public let certificate: Certificate?
    /// The extensions that we use, as the relay offers them.
    public let extensions: [String]
    /// The largest message that it takes, in octets.
    public let largestMessage: Int?
    /// How many messages it takes on a connection.
    public let messagesPerConnection: Int?
    /// The mechanisms of AUTH that it offers.
    public let mechanisms: [String]
    /// The one that it took us by.
    public let mechanism: String?
    /// What rows of this job would meet.
    public let obstacles: [String]

    init(_ report: ProbeReport, _ needs: ProbeReport.Needs) {
        route = report.route
        server = report.server
        port = report.port
        address = report.address
        mode = report.mode.rawValue
        end =
            switch report.end {
            case .ready: .ready
            case .unreachable: .unreachable
            case .held: .held
            }
        problem = report.problem.map { ($0.reason, $0.detail) }
        tls = report.tls
        certificate = report.certificate.map { facts in
            Certificate(
                matchedName: report.matchedName,
                names: facts.names,
                subject: facts.subject,
                issuer: facts.issuer,
                notAfter: Timestamp(seconds: facts.notAfter),
                keyType: facts.keyType,
                keyBits: facts.keyBits,
                signature: facts.signature,
                fingerprint: Hex.encode(facts.fingerprint)
            )
        }
        extensions = report.offer?.extensions ?? []
        largestMessage = report.offer?.largest
        messagesPerConnection = report.offer?.messagesPerConnection
        mechanisms = report.offer?.mechanisms ?? []
        mechanism = report.mechanism?.rawValue
        obstacles = report.obstacles(needs)
    }

    /// The findings for people, a line each.
    public var lines: [String] {
        var lines = ["route \(route): \(server):\(port)" + (address.map { " at \($0)" } ?? "")]
        if let tls {
            let way = mode == "implicit" ? "implicit TLS" : "STARTTLS"
            lines.append(
                "  TLS: \(tls.version), \(tls.cipher), by \(way); verified: \(tls.verification.rawValue);"
                    + " scope: \(tls.scope.rawValue)"
            )
        }
        if let certificate {
            let match =
                certificate.matchedName.map { "\(server) matches its SAN \($0)" } ?? "\(server) is among its SANs"
            lines.append("  certificate: \(match); subject \(certificate.subject)")
            lines.append(
                "    issued by \(certificate.issuer); valid until \(certificate.notAfter); \(certificate.keyType), "
                    + "\(certificate.keyBits) bits; \(certificate.signature)"
            )
        }
        if tls != nil, end != .unreachable || !extensions.isEmpty {
            lines.append("  offers: " + (extensions.isEmpty ? "nothing that we use" : offers))
        }
        if let mechanism { lines.append("  AUTH: taken by \(mechanism)") }
        for obstacle in obstacles { lines.append("  obstacle: \(obstacle)") }
        if obstacles.isEmpty { lines.append("  Rows can go out here.") }
        return lines
    }

    private var offers: String {
        extensions.map { name in
            switch name {
            case "SIZE": largestMessage.map { "SIZE \($0)" } ?? "SIZE without a limit"
            case "LIMITS": messagesPerConnection.map { "LIMITS MAILMAX=\($0)" } ?? name
            case "AUTH": "AUTH \(mechanisms.joined(separator: " "))"
            default: name
            }
        }.joined(separator: ", ")
    }

    /// Whether rows would be kept from going out.
    public var holdsRows: Bool {
        end == .held || end == .ready && !obstacles.isEmpty
    }
}

extension JobCheck {
    /// Tries the route of a job that was found good: each relay, as far as a row's message would begin.
    public func connect(_ report: Report) async throws(EngineError) -> [RouteCheck] {
        guard let route = report.settings else { return [] }
        let probe: Probe
        do {
            probe = try Probe(route: route)
        } catch {
            throw EngineError(.configuration, "\(error)")
        }
        return await probe.run().map { RouteCheck($0, report.needs) }
    }
}
