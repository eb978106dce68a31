public import Core
public import OpenSSL

/// One way out: a relay or several, how they are known to be the right ones, and how much they are asked to bear.
public struct RouteSettings: Sendable {
    /// When TLS begins.
    ///
    /// There is no third way.
    public enum TLSMode: String, Sendable {
        /// After the STARTTLS command (RFC 3207); nothing but EHLO, STARTTLS and QUIT is said before.
        case startTLS = "starttls"
        /// At once (RFC 8314).
        case implicit
    }

    /// Which roots a certificate must lead to.
    public enum Trust: Sendable {
        /// The system's.
        case system
        /// The route's own, as PEM text; nothing else.
        case pem([UInt8])
    }

    /// How we say who we are (RFC 4954).
    public struct Credentials: Sendable {
        /// What proves it.
        public enum Secret: Sendable {
            /// A password, for PLAIN, LOGIN and SCRAM-SHA-256.
            case password(Protected<String>)
            /// A token, asked for before each connection, for OAUTHBEARER and XOAUTH2.
            case token(any TokenSource)
            /// The certificate that the route shows in TLS, for EXTERNAL.
            case certificate
        }

        /// The user name; may be empty where the certificate says it.
        public let username: String
        /// What proves it.
        public let secret: Secret
        /// The only mechanism to use; the strongest that the server offers where it is `nil`.
        public let mechanism: Mechanism?
        /// What was derived from the password; shared by all connections of the route.
        let keys = SCRAMKeys()
        /// In place of a random SCRAM nonce, to play a conversation that was written down.
        var nonce: String?

        /// Creates credentials.
        public init(username: String, secret: Secret, mechanism: Mechanism? = nil) {
            self.username = username
            self.secret = secret
            self.mechanism = mechanism
        }

        /// Creates credentials with a password.
        public init(username: String, password: Protected<String>) {
            self.init(username: username, secret: .password(password))
        }
    }

    /// Where to connect to instead of looking the host's name up.
    ///
    /// The certificate must still bear the host's name.
    public struct Dial: Hashable, Sendable {
        /// An IP address.
        public var address: String
        /// A TCP port.
        public var port: Int

        /// Names an address and a port.
        public init(address: String, port: Int) {
            self.address = address
            self.port = port
        }
    }

    /// A server that takes the route's mail.
    public struct Relay: Hashable, Sendable {
        /// Its name, which its certificate must have among its SANs.
        public var host: String
        /// The TCP port.
        public var port: Int
        /// Where to connect to, if not where the host's name leads.
        public var dial: Dial?

        /// Names a server.
        public init(host: String, port: Int = 587, dial: Dial? = nil) {
            self.host = host
            self.port = port
            self.dial = dial
        }
    }

    /// How many messages may go out in a time.
    public struct Rate: Hashable, Sendable {
        /// How many.
        public var count: Int
        /// In which time.
        public var period: Duration
        /// How many may go at once after a rest; 1 spaces them evenly.
        public var burst: Int

        /// Creates a rate, `count` in a `period`.
        public init(_ count: Int, per period: Duration = .seconds(1), burst: Int = 1) {
            self.count = count
            self.period = period
            self.burst = burst
        }
    }

    /// Which notices a relay shall send about a message's further way (RFC 3461); none of them is ``never``.
    public struct Notices: OptionSet, Hashable, Sendable {
        /// One bit each.
        public let rawValue: UInt8

        /// Takes bits.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// That it could not be delivered.
        public static let failure = Notices(rawValue: 1)
        /// That it waits.
        public static let delay = Notices(rawValue: 2)
        /// That it was delivered.
        public static let success = Notices(rawValue: 4)
        /// Nothing, not even failures.
        public static let never: Notices = []
    }

    /// The route's name in the configuration.
    public var name: String
    /// The servers that share its mail, one at least.
    ///
    /// Each is verified under its own name; all else is the same for all.
    public var relays: [Relay]
    /// When TLS begins.
    public var tls: TLSMode
    /// What its certificate must lead to.
    public var trust: Trust
    /// What to authenticate with, if the relay wants that.
    public var credentials: Credentials?
    /// The certificate to show in TLS where the relay asks for one.
    public var clientCertificate: ClientCertificate?
    /// How many connections may be open at once, over all relays and jobs together.
    public var connections: Int
    /// How many messages may go out in a time, over all connections of all jobs together.
    public var rate: Rate?
    /// What we call ourselves in EHLO.
    public var heloName: String
    /// How long each wait may take.
    public var timeouts: Timeouts
    /// How large replies may get, and how long connections are used.
    public var limits: Limits
    /// How many messages may be on their way unanswered on a connection, where the relay offers CHUNKING and PIPELINING.
    ///
    /// With 1, content goes by DATA. Each message under way is `unknown` if the connection is cut.
    public var window = 1
    /// Which notices to ask for, where the relay offers DSN.
    public var notify: Notices = [.failure, .delay]
    /// Whether the relay must offer REQUIRETLS (RFC 8689), so that it passes messages on over verified TLS or not at all.
    public var requiresTLSOnward = false

    /// The relay's host name: the first one's, where there are several.
    public var host: String { relays[0].host }
    /// That relay's TCP port.
    public var port: Int { relays[0].port }
    /// Where to connect to, if not where that host's name leads.
    public var dial: Dial? {
        get { relays[0].dial }
        set { relays[0].dial = newValue }
    }

    /// The route as a connection to one of its relays sees it.
    func towards(_ relay: Int) -> RouteSettings {
        var route = self
        route.relays = [relays[relay]]
        return route
    }

    /// Describes a route; what is left out is what a relay for submission usually wants.
    ///
    /// `more` are further relays beside the first.
    public init(
        name: String,
        host: String,
        port: Int = 587,
        tls: TLSMode = .startTLS,
        trust: Trust = .system,
        credentials: Credentials? = nil,
        connections: Int = 4,
        rate: Rate? = nil,
        heloName: String,
        timeouts: Timeouts = Timeouts(),
        limits: Limits = Limits(),
        dial: Dial? = nil,
        more: [Relay] = []
    ) {
        self.name = name
        relays = [Relay(host: host, port: port, dial: dial)] + more
        self.tls = tls
        self.trust = trust
        self.credentials = credentials
        self.connections = connections
        self.rate = rate
        self.heloName = heloName
        self.timeouts = timeouts
        self.limits = limits
    }
}

extension RouteSettings {
    /// Where the route's tokens come from, if it has any.
    var tokens: (any TokenSource)? {
        guard case .token(let source)? = credentials?.secret else { return nil }
        return source
    }
}

/// How long each wait may take.
///
/// Each is for a whole reply, however slowly its bytes come.
///
/// The first seven are RFC 5321 section 4.5.3.2's.
public struct Timeouts: Hashable, Sendable {
    /// For the server's greeting.
    public var greeting: Duration = .seconds(300)
    /// For the answer to EHLO, STARTTLS, AUTH and RSET.
    public var command: Duration = .seconds(300)
    /// For the answer to MAIL.
    public var mail: Duration = .seconds(300)
    /// For the answer to RCPT.
    public var recipient: Duration = .seconds(300)
    /// For the answer to DATA.
    public var data: Duration = .seconds(120)
    /// For each begun MiB of content on its way.
    public var block: Duration = .seconds(180)
    /// For the answer to the message's end.
    public var end: Duration = .seconds(600)
    /// For a TCP connection, all the host's addresses together.
    public var connect: Duration = .seconds(30)
    /// For the TLS handshake.
    public var handshake: Duration = .seconds(60)
    /// For the answer to QUIT; nothing hangs on it.
    public var quit: Duration = .seconds(5)
    /// How long a connection is kept without work; servers tire after about five minutes.
    public var idle: Duration = .seconds(30)
    /// How long answers to messages' ends are awaited once the route is cancelled; rows without are `unknown`.
    public var stop: Duration = .seconds(10)

    /// The standard's values.
    public init() {}
}

/// How large replies may get, and how stubborn a route is.
public struct Limits: Hashable, Sendable {
    /// Octets in one line of a reply; RFC 5321 allows 512, real servers more.
    public var replyLine = 4 * 1024
    /// Octets in one reply.
    public var reply = 64 * 1024
    /// Messages over one connection, then a new one is made; `nil` for no limit.
    public var messagesPerConnection: Int?
    /// Whether the next message's envelope goes out right behind a message's content (RFC 2920 section 3.1), where
    /// PIPELINING is offered.
    ///
    /// It saves a round trip a message.
    public var overlapsEnvelopes = true
    /// After how long without work a connection is probed before a message goes out whole (see ``RouteSettings/window``).
    public var probeAfter: Duration = .seconds(1)
    /// How many connections in a row must fail for the same kind of reason (TLS that cannot be trusted, a greeting that
    /// refuses for good) before the route gives up.
    public var confirmations = 2
    /// How many connections in a row may be lost during the TLS handshake before the route is held.
    public var handshakeLosses = 4
    /// The wait after a first failure to connect; it doubles with each further one.
    public var firstDelay: Duration = .seconds(1)
    /// The longest wait between two tries to connect.
    public var longestDelay: Duration = .seconds(300)

    /// The usual values.
    public init() {}
}
