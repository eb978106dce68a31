public import Core

/// A site's configuration: what `wardpost.yaml` says.
public struct SiteConfiguration: Sendable {
    /// The file's name in the site's directory.
    public static let fileName = "wardpost.yaml"

    /// The organisation's name.
    public var site: Placed<String>
    /// The organisation's postal address; marketing needs it (15 USC 7704(a)(5)(A)(iii)).
    public var postalAddress: Placed<String>?
    /// The domains a From may have: A-labels, lower case.
    public var fromDomains: [Placed<String>]
    /// The zone that times in manifests are meant in, UTC unless it is given; `zone.value.name` is its name.
    public var zone: Placed<TimeZoneRules>
    /// A file with days on which no message goes out: relative to the site, or absolute.
    public var holidays: Placed<String>?
    /// How many seconds a folder must be still before it is taken up without `READY`.
    public var settle: Int
    /// The key directory: relative to the site, or absolute.
    public var keys: Placed<String>
    /// What is known of ledgers is kept here, away from them: relative to the site, or absolute; inside the key directory
    /// without it.
    public var witness: Placed<String>?
    /// For how many seconds a worker that shows no sign of life is missed before another takes its jobs over.
    public var lease: Int
    /// The business associates, in the file's order.
    public var associates: [Associate]
    /// The ways out, in the file's order.
    public var routes: [Route]
    /// The route of manifests that name none, where `default_route` gives one.
    public var defaultRoute: Placed<String>?
    /// How fast mail may go to recipients' domains.
    public var domainLimits = DomainLimits()
    /// The language of messages whose manifest names none, as a BCP 47 tag.
    public var language: Placed<String>?
    /// Where opens, clicks and opt-outs come in; `nil` if the site tracks nothing.
    public var tracking: Tracking?
    /// The read-only API; `nil` if there is none.
    public var api: API?
    /// What is signed by DKIM; `nil` if nothing is.
    public var dkim: DKIM?
    /// Whether all cryptography comes from OpenSSL's FIPS provider; `nil` where it is not said.
    public var fips: Placed<Bool>?
    /// When a job halts by itself; `nil` if none does.
    public var halt: Halt?
    /// When reports on the whole site are written.
    public var reports = Reports()
    /// What recipients can choose on the preference page, in the file's order.
    public var lists: [MailingList] = []
    /// The lists that people can subscribe to; `nil` if there is no form.
    public var subscribe: Subscribe?
    /// Where mail about our messages comes back; `nil` if it goes to their senders.
    public var bounces: Bounces?

    /// How many refusals a job may have before it stops and waits for a person.
    public struct Halt: Hashable, Sendable {
        /// The share of refused rows, among those that servers answered for good, that must not be passed.
        public var refused: Percentage
        /// How many rows must have been answered before the share means anything.
        public var after: Int

        /// Sets the measure.
        public init(refused: Percentage, after: Int) {
            self.refused = refused
            self.after = after
        }
    }

    /// The HIPAA business associate that runs a relay, with its agreement.
    public struct Associate: Hashable, Sendable {
        /// Its name, as routes refer to it.
        public var name: Placed<String>
        /// The agreement's reference.
        public var agreement: Placed<String>
        /// The first day on which the agreement is in force.
        public var signed: Placed<CalendarDate>
        /// The first day on which it no longer is.
        public var expires: Placed<CalendarDate>
    }

    /// A way out.
    public struct Route: Hashable, Sendable {
        /// Its name, as manifests refer to it.
        public var name: Placed<String>
        /// One relay, or each recipient domain's own mail exchanger.
        public var way: Way
        /// How many connections it may have at once.
        public var connections: Int
        /// How fast messages may go out; `nil` means as fast as the server takes them.
        public var rate: Rate?
        /// How many messages may go at once after a rest, and the most by which the rate is ever passed.
        public var burst = 1
    }

    /// Where a route leads.
    public enum Way: Hashable, Sendable {
        /// To one relay.
        case relay(Relay)
        /// To each recipient domain's MX; the place is that of `mx: true`.
        case mx(Place)
    }

    /// A relay and what must be true of the channel to it.
    public struct Relay: Hashable, Sendable {
        /// The host and port to dial; the host is the name that the certificate must have.
        public var endpoint: Placed<Endpoint>
        /// Further servers that share its mail, each verified under its own name.
        public var more: [Placed<Endpoint>] = []
        /// How TLS begins; there is no value for "not at all".
        public var security: Security
        /// A PEM file with the only roots to trust; the system's roots without it.
        public var ca: Placed<String>?
        /// Who runs it.
        public var runBy: Operator
        /// What to present to it; `nil` for a relay that knows us otherwise.
        public var authentication: Authentication?
        /// How many messages may be on their way unanswered on a connection, where it offers CHUNKING.
        public var window = 1
        /// Which notices it is asked for, where it offers DSN; none at all where this is empty.
        public var notify: Set<Notice> = [.failure, .delay]
        /// Whether it must offer REQUIRETLS (RFC 8689).
        public var requiresTLSOnward = false
        /// What to show where it asks for a certificate.
        public var clientCertificate: ClientCertificate?
    }

    /// A notice that a relay may be asked for (RFC 3461).
    public enum Notice: String, CaseIterable, Sendable {
        /// That a message could not be delivered.
        case failure
        /// That a message waits.
        case delay
        /// That a message was delivered.
        case success
    }

    /// How TLS begins on a connection.
    public enum Security: String, CaseIterable, Sendable {
        /// By command, after a greeting in clear (RFC 3207).
        case starttls
        /// With the connection's first byte (RFC 8314).
        case implicit
    }

    /// Who runs a relay.
    public enum Operator: Hashable, Sendable {
        /// The site itself.
        case own
        /// The associate of that name.
        case associate(Placed<String>)
    }

    /// How we say who we are, and where what proves it is.
    ///
    /// One of a password, a token, or the relay's ``Relay/clientCertificate``.
    public struct Authentication: Hashable, Sendable {
        /// The user name; `nil` only where the certificate says it.
        public var username: Placed<String>?
        /// The file that holds the password: relative to the site, or absolute.
        public var passwordFile: Placed<String>?
        /// The program that prints a token, and its arguments; empty for none.
        public var tokenCommand: [Placed<String>] = []
        /// The file that holds a token: relative to the site, or absolute.
        public var tokenFile: Placed<String>?
        /// For how many seconds a token is good that does not say so itself.
        public var tokenLifetime: Placed<Int>?
        /// The only mechanism to use; the strongest that both sides have where it is `nil`.
        public var mechanism: Placed<Mechanism>?
    }

    /// The mechanisms of AUTH, by the names that servers offer them under.
    public enum Mechanism: String, CaseIterable, Sendable {
        /// RFC 7677, with a password.
        case scramSHA256 = "SCRAM-SHA-256"
        /// RFC 4616, with a password.
        case plain = "PLAIN"
        /// With a password.
        case login = "LOGIN"
        /// RFC 7628, with a token.
        case oauthBearer = "OAUTHBEARER"
        /// With a token.
        case xoauth2 = "XOAUTH2"
        /// RFC 4422, with a client certificate.
        case external = "EXTERNAL"
    }

    /// What is shown to a relay that asks for a certificate.
    public struct ClientCertificate: Hashable, Sendable {
        /// The chain, leaf first, a PEM file.
        public var certificate: Placed<String>
        /// The leaf's key, a PEM file.
        public var key: Placed<String>
    }

    /// The tracking server's addresses and keys.
    public struct Tracking: Hashable, Sendable {
        /// What links in messages start with: `https`, without a slash at its end.
        public var baseURL: Placed<String>
        /// Where the server listens; `nil` on a host that only writes links.
        public var listen: Placed<Endpoint>?
        /// The server's certificate chain, a PEM file.
        public var certificate: Placed<String>?
        /// The certificate's key, a PEM file.
        public var key: Placed<String>?
        /// What the site as a whole says of opens and clicks.
        public var switches = TrackingSwitches()
        /// What is said of single domains and addresses, each at most once.
        public var senders: [Sender] = []
        /// Further names of the server, each for some of the site's domains.
        public var hosts: [Host] = []
        /// What is kept of those who open and click, and how programs among them are found.
        public var visitors = Visitors()
        /// How the server stands on the internet.
        public var server = Server()
    }
}
