public import OpenSSL

/// How a ``CaptureServer`` listens, what it offers, and where messages go.
public struct CaptureOptions: Sendable {
    /// When TLS starts; there is no mail without it.
    public enum TLS: Sendable {
        /// With the STARTTLS command; before it nothing but EHLO, NOOP, RSET and QUIT is taken.
        case startTLS
        /// With the first byte.
        case implicit
    }

    /// Where messages go.
    public enum Store: Sendable {
        /// Into a folder with `tmp` and `new` like a Maildir's, one file a message.
        case folder(String)
        /// Nowhere; they are counted.
        case discard
    }

    /// What EHLO is answered with; AUTH comes with ``credentials``.
    public enum Extension: Sendable, CaseIterable {
        /// PIPELINING (RFC 2920).
        case pipelining
        /// SIZE with ``maximumSize`` (RFC 1870).
        case size
        /// 8BITMIME (RFC 6152).
        case eightBitMIME
        /// SMTPUTF8 (RFC 6531).
        case smtpUTF8
        /// STARTTLS (RFC 3207); without it a client finds no way to TLS, and a good one sends nothing.
        case startTLS
    }

    /// What a client must present before mail.
    public struct Credentials: Sendable {
        let username: String
        let password: SecretBytes

        /// A name and its password.
        public init(username: String, password: SecretBytes) {
            self.username = username
            self.password = password
        }
    }

    /// The address to listen on.
    public var host = "127.0.0.1"
    /// The port to listen on; 0 takes a free one.
    public var port = 0
    /// The name it greets with.
    public var name = "capture.localhost"
    /// When TLS starts.
    public var tls = TLS.startTLS
    /// The certificate with its chain behind it, leaf first.
    public var certificateChainPEM: [UInt8]
    /// The certificate's private key.
    public var keyPEM: SecretBytes
    /// Where messages go.
    public var store = Store.discard
    /// Whether a message's file is synced before it is called taken.
    public var syncs = false
    /// A file that gets a line for every recipient of a message, `recipient TAB bytes TAB Message-ID`, before the 250 to it
    /// goes out: what stands there was delivered, whatever the sender came to know.
    public var log: String?
    /// What a client must present before mail; nothing if `nil`.
    public var credentials: Credentials?
    /// What EHLO is answered with.
    public var offers = Set(Extension.allCases)
    /// The largest message taken, in bytes.
    public var maximumSize = 64 << 20
    /// How long every answer waits, as if the server were far away or slow.
    public var replyDelay = Duration.zero
    /// What is done with a recipient.
    public var rule: CaptureRule = .rehearsal
    /// Told of every message after it was stored, before the 250 goes out; on the connection's thread, so be quick.
    public var onMessage: (@Sendable (CapturedMessage) -> Void)?
    /// How many threads serve the connections, 1 or 2.
    public var threads = 2

    /// Options with a certificate, all else as a client would like it.
    public init(certificateChainPEM: [UInt8], keyPEM: SecretBytes) {
        self.certificateChainPEM = certificateChainPEM
        self.keyPEM = keyPEM
    }
}
