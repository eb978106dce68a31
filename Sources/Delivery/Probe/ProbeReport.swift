public import Core
public import OpenSSL

/// What a connection found that went as far as a row's would, and no further.
public struct ProbeReport: Sendable {
    /// How far it came.
    public enum End: String, Sendable {
        /// To where a row's message would begin.
        case ready
        /// Not so far, for a reason that may be gone later: nobody there, silence, a busy server.
        case unreachable
        /// Not so far, for a reason that would hold rows back: TLS that proves nothing, credentials refused.
        case held
    }

    /// What the server offers inside TLS.
    public struct Offer: Hashable, Sendable {
        /// The extensions that we use, by their keywords, in a fixed order.
        public var extensions: [String]
        /// The largest message that it takes, in octets; `nil` where it names no limit.
        public var largest: Int?
        /// How many messages it takes on a connection; `nil` where it names no limit.
        public var messagesPerConnection: Int?
        /// The mechanisms of AUTH that it offers.
        public var mechanisms: [String]
    }

    /// What this job's rows need that not every server has.
    public struct Needs: Hashable, Sendable {
        /// The largest message, in octets, and its row; 0 where none is known.
        public var largest = 0
        /// The row of that message.
        public var largestRow: RowNumber?
        /// How many rows need SMTPUTF8.
        public var utf8Rows = 0
        /// The first of them.
        public var firstUTF8Row: RowNumber?

        /// Nothing yet.
        public init() {}

        /// Counts a row's message in.
        public mutating func add(_ row: RowNumber, octets: Int, recipient: Address, headersNeedUTF8: Bool) {
            if octets > largest {
                largest = octets
                largestRow = row
            }
            guard recipient.needsSMTPUTF8 || headersNeedUTF8 else { return }
            utf8Rows += 1
            firstUTF8Row = firstUTF8Row ?? row
        }
    }

    /// The route's name.
    public var route: String
    /// The relay's host name.
    public var server: String
    /// The port.
    public var port: Int
    /// The address that answered; `nil` if none did.
    public var address: String?
    /// When TLS begins.
    public var mode: RouteSettings.TLSMode
    /// How far it came.
    public var end: End
    /// What stopped it; `nil` if nothing did.
    public var problem: RouteProblem?
    /// What a row's evidence would say; `nil` without verified TLS.
    public var tls: TLSEvidence?
    /// The server's certificate; `nil` without verified TLS.
    public var certificate: CertificateFacts?
    /// The SAN that the dialled name matched.
    public var matchedName: String?
    /// What it offers; `nil` if it did not come to that.
    public var offer: Offer?
    /// How we said who we are; `nil` if we did not.
    public var mechanism: Mechanism?

    /// What would keep rows of a job with such needs from going out, one sentence each.
    public func obstacles(_ needs: Needs) -> [String] {
        if let problem { return ["no row would go out: \(problem.reason), \(problem.detail)"] }
        guard let offer else { return [] }
        var found: [String] = []
        if let limit = offer.largest, needs.largest > limit {
            let row = needs.largestRow.map { " (row \($0))" } ?? ""
            found.append(
                "the largest message has \(needs.largest) octets\(row), and the server takes \(limit): such rows would be"
                    + " failed, message-too-large"
            )
        }
        if needs.utf8Rows > 0, !offer.extensions.contains("SMTPUTF8") {
            let first = needs.firstUTF8Row.map { ", row \($0) first" } ?? ""
            let rows = needs.utf8Rows == 1 ? "1 row needs" : "\(needs.utf8Rows) rows need"
            found.append("\(rows) SMTPUTF8, which the server does not offer: failed, smtputf8-missing\(first)")
        }
        return found
    }
}

extension ProbeReport.Offer {
    init(_ capabilities: Capabilities) {
        let all = [
            ("PIPELINING", capabilities.pipelining), ("CHUNKING", capabilities.chunking),
            ("8BITMIME", capabilities.eightBitMIME), ("SMTPUTF8", capabilities.smtpUTF8), ("DSN", capabilities.dsn),
            ("REQUIRETLS", capabilities.requireTLS), ("SIZE", capabilities.size != nil),
            ("LIMITS", capabilities.mailMaximum != nil), ("AUTH", !capabilities.mechanisms.isEmpty),
        ]
        extensions = all.filter(\.1).map(\.0)
        largest = capabilities.size.flatMap { $0 > 0 ? $0 : nil }
        messagesPerConnection = capabilities.mailMaximum
        mechanisms = capabilities.mechanisms
    }
}
