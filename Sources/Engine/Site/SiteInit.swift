import Core
import Files
import OpenSSL

/// Makes a new site: its directories, its keys and a configuration to fill in.
public enum SiteInit {
    /// What was made, for the person who asked.
    public struct Made: Sendable {
        /// Paths relative to the site, in the order in which they were made.
        public var paths: [String] = []
    }

    /// Makes a site in a directory, or what a site there lacks; refuses to touch one that has keys.
    ///
    /// - Parameters:
    ///   - path: The site's directory; made if it is not there.
    ///   - configuration: The text of `wardpost.yaml`; a commented example without it.
    @discardableResult
    public static func make(at path: String, configuration: String? = nil) throws(EngineError) -> Made {
        do {
            let directory = try make(directory: path)
            var made = Made()
            for (name, permissions) in [("jobs", 0o755), ("templates", 0o755), ("outbox", 0o700), ("reports", 0o755)] {
                try directory.makeDirectory(name, permissions: UInt32(permissions))
                made.paths.append(name + "/")
            }
            try directory.makeDirectory("keys", permissions: 0o700)
            let keys = try directory.open(subdirectory: "keys")
            guard try keys.list().isEmpty else {
                throw EngineError(
                    .usage,
                    "\(path) is a site already: \(path)/keys holds files",
                    fix: "name another directory; keys are never made anew, since results could not be verified"
                )
            }
            try SiteKeys.create(in: keys)
            made.paths += try keys.list().map { "keys/" + $0 }
            try keys.makeDirectory("witness", permissions: 0o700)
            made.paths.append("keys/witness/")
            // A site that was checked out or copied has its configuration, and lacks its keys alone.
            if try directory.status(of: "wardpost.yaml") == nil {
                try directory.replace("wardpost.yaml", permissions: 0o644) { try $0.append(configuration ?? example) }
                made.paths.append("wardpost.yaml")
            }
            return made
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }

    static func make(directory path: String) throws(FileError) -> Directory {
        let path = path.hasPrefix("/") ? path : Working.directory + "/" + path
        var directory = try Directory(path: "/")
        for part in path.split(separator: "/") where part != "." {
            // The operator's own path: links on the way are his.
            let next = "\(directory.name == "/" ? "" : directory.name)/\(part)"
            if let there = try? Directory(path: next) {
                directory = there
            } else {
                try directory.makeDirectory(String(part))
                directory = try Directory(path: next)
            }
        }
        return directory
    }

    /// What a new site's `wardpost.yaml` says.
    static let example = """
        # Your organisation. `wardpost check JOB` tells what is missing.
        site: Example Clinic
        postal_address: 1 Example Road, Springfield
        from_domains: [clinic.example]        # a From outside these is refused
        time_zone: UTC                        # for times in manifests
        keys: keys                            # back this directory up, away from jobs and results
        halt: {refused: 20%, after: 50}       # stop a job when servers refuse more than this, once so many answered

        # Who runs your relay, with the business associate agreement on file. Not needed for a relay of your own.
        associates:
          Relay Inc: {agreement: BAA-0000-000, signed: 2026-01-01, expires: 2027-01-01}

        routes:
          main:
            relay: smtp.relay.example:587
            tls: starttls                     # or implicit; mail never leaves without verified TLS
            associate: Relay Inc              # or `own: true`
            # ca: relay-ca.pem                # trust this authority only
            # auth: {username: u, password_file: keys/relay-password}

        # Needed for opens, clicks and unsubscribe links.
        # tracking:
        #   base_url: https://t.clinic.example
        #   listen: 0.0.0.0:8443
        #   certificate: keys/tracker.pem
        #   key: keys/tracker.key

        # Forms by which people subscribe to lists, at https://t.clinic.example/s/newsletter.
        # subscribe:
        #   lists: [newsletter]
        #   from: Example Clinic <news@clinic.example>

        # Signatures that receivers check; `wardpost keys dkim --domain clinic.example` makes the keys.
        # dkim:
        #   clinic.example: {selector: wp2026}

        """
}
