public import Core
import YAML

extension SiteConfiguration {
    /// The read-only API: where it listens, and who may ask.
    public struct API: Hashable, Sendable {
        /// Where it listens.
        public var listen: Placed<Endpoint>
        /// The file of its keys' digests: relative to the site, or absolute.
        public var keys: Placed<String>
        /// Its certificate chain, a PEM file; the tracking server's where it has none.
        public var certificate: Placed<String>
        /// The certificate's key, a PEM file.
        public var key: Placed<String>

        /// Where the keys are unless it is said.
        public static let usualKeys = "keys/api-keys.yaml"

        /// Reads `api`; without it there is no API.
        static func read(_ reader: MappingReader, tracking: Tracking?) -> API? {
            let known = ["listen", "keys", "certificate", "key"]
            guard let fields = reader.mapping("api", known: known) else { return nil }
            let listen = fields.value(
                "listen",
                required: true,
                expected: "an address and a port such as 127.0.0.1:8444"
            ) {
                Endpoint($0, mayChoosePort: true)
            }
            let isNamed = fields.keyPlace("keys") != nil
            let keys = isNamed ? fields.fileName("keys", rules: .site) : Placed(usualKeys, at: fields.place)
            if let keys, keys.value == "jobs" || keys.value.hasPrefix("jobs/") {
                fields.problems.report(
                    "\(fields.name("keys")) cannot lie in jobs/, where others drop files",
                    at: keys.place,
                    fix: "name a file outside, such as \(usualKeys)"
                )
            }
            let own = (
                certificate: fields.fileName("certificate", rules: .site), key: fields.fileName("key", rules: .site)
            )
            let isOwn = fields.keyPlace("certificate") != nil || fields.keyPlace("key") != nil
            for name in ["certificate", "key"] where fields.keyPlace(name) == nil {
                if isOwn || (name == "certificate" ? tracking?.certificate : tracking?.key) == nil {
                    fields.missing(name, fix: "add `\(name): …`; the API speaks TLS only")
                }
            }
            guard let listen, let keys, let certificate = isOwn ? own.certificate : tracking?.certificate,
                let key = isOwn ? own.key : tracking?.key
            else { return nil }
            if let other = tracking?.listen?.value, other.port != 0, other == listen.value {
                fields.problems.report(
                    "\(fields.name("listen")) is the tracking server's address",
                    at: listen.place,
                    fix: "give the API an address of its own, such as 127.0.0.1:8444"
                )
            }
            return API(listen: listen, keys: keys, certificate: certificate, key: key)
        }
    }
}
