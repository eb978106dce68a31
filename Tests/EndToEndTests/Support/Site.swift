import Foundation
import Glibc
import Synchronization
import TestSupport

/// A site in a temporary directory, made by `wardpost init`, and the program run on it.
final class Site: Sendable {
    /// What stands in `wardpost.yaml`.
    struct Settings: Sendable {
        /// The relay's port on `localhost`.
        var relayPort: Int
        /// `starttls` or `implicit`.
        var tls = "starttls"
        /// The file with the only roots to trust.
        var ca: String
        /// Lines of the route, each with its end.
        var route = "    own: true\n"
        /// Seconds.
        var settle = 2
        /// Where the tracking server listens and links point; none without it.
        var tracking: Tracking?
        /// More top-level lines.
        var more = ""
        /// The domains that may send.
        var fromDomains = "[clinic.test]"
    }

    /// The tracking server.
    struct Tracking: Sendable {
        var port: Int
        var certificate: CertificateFiles
    }

    let directory: TemporaryDirectory
    let settings: Settings
    private let said = Mutex<[String]>([])
    /// Kept as long as the site is.
    private let disk: SmallDisk?

    /// The site's path.
    var path: String { directory.path("site") }

    /// Makes a site, on a disk of its own if it is to have one.
    init(_ settings: Settings, on disk: SmallDisk? = nil) async throws {
        self.disk = disk
        directory = try disk.map { try TemporaryDirectory(in: $0.path) } ?? TemporaryDirectory()
        self.settings = settings
        let made = try await Program.run([Places.wardpost, "init", directory.path("site")])
        guard made.status == 0 else {
            throw Program.Failure(description: "init: \(made.status) \(made.output) \(made.errors)")
        }
        note(made)
        try FileManager.default.copyItem(atPath: settings.ca, toPath: path + "/relay-ca.pem")
        try write("wardpost.yaml", Self.configuration(settings))
        if let tracking = settings.tracking {
            try FileManager.default.copyItem(atPath: tracking.certificate.chain, toPath: path + "/keys/tracker.pem")
            try FileManager.default.copyItem(atPath: tracking.certificate.key, toPath: path + "/keys/tracker.key")
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600],
                ofItemAtPath: path + "/keys/tracker.key"
            )
        }
    }

    static func configuration(_ settings: Settings) -> String {
        var text = """
            site: Clinic of the Tests
            postal_address: 1 River Road, Springfield
            from_domains: \(settings.fromDomains)
            settle: \(settings.settle)
            routes:
              main:
                relay: localhost:\(settings.relayPort)
                tls: \(settings.tls)
                ca: relay-ca.pem

            """
        text += settings.route
        if let tracking = settings.tracking {
            text += """
                tracking:
                  base_url: https://localhost:\(tracking.port)
                  listen: 127.0.0.1:\(tracking.port)
                  certificate: keys/tracker.pem
                  key: keys/tracker.key

                """
        }
        return text + settings.more
    }

    // MARK: - Files

    /// Writes a file of the site.
    func write(_ name: String, _ text: String) throws {
        try write(name, Data(text.utf8))
    }

    /// Writes a file of the site.
    func write(_ name: String, _ bytes: Data) throws {
        try directory.write("site/" + name, bytes)
    }

    /// A file of the site as text.
    func text(_ name: String) throws -> String {
        try directory.text("site/" + name)
    }

    /// Whether there is such a file.
    func has(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: path + "/" + name)
    }

    /// Removes a file of the site.
    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path + "/" + name)
    }

    /// Sets a file's mode.
    func chmod(_ name: String, _ mode: Int) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path + "/" + name)
    }

    /// Writes a job's folder.
    @discardableResult
    func job(_ name: String, _ job: JobFiles) throws -> String {
        // READY says that all the rest is there.
        for (file, bytes) in job.files where file != "READY" { try write("jobs/\(name)/\(file)", bytes) }
        if let ready = job.files["READY"] { try write("jobs/\(name)/READY", ready) }
        return path + "/jobs/" + name
    }

    /// A job's results.
    func results(_ job: String) throws -> CSVFile {
        try CSVFile(path + "/jobs/\(job)/results.csv")
    }

    /// A job's tracking.
    func tracking(_ job: String) throws -> CSVFile {
        try CSVFile(path + "/jobs/\(job)/tracking.csv")
    }

    /// The marker in a job's folder.
    func marker(_ job: String) -> String? {
        ["DONE", "REJECTED", "HELD", "STOPPED"].first { has("jobs/\(job)/\($0)") }
    }

    /// A job's state by its `status.json`.
    func state(_ job: String) throws -> [String: Any] {
        let bytes = Data(try directory.read("site/jobs/\(job)/status.json"))
        return try JSONSerialization.jsonObject(with: bytes) as? [String: Any] ?? [:]
    }

    /// Every regular file below the site, by its path relative to it.
    func files() -> [String] {
        let enumerator = FileManager.default.enumerator(atPath: path)
        return (enumerator?.compactMap { $0 as? String } ?? []).filter { name in
            var isDirectory: ObjCBool = false
            return unsafe FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isDirectory)
                && !isDirectory.boolValue
        }
    }

    // MARK: - The program

    /// Starts the program on this site.
    func start(_ arguments: String..., environment: [String: String] = [:]) throws -> Program {
        try Program(
            [Places.wardpost, "--site", path] + arguments,
            directory: directory.path,
            environment: environment
        )
    }

    /// Runs the program on this site.
    @discardableResult
    func run(_ arguments: String..., within limit: Duration = .seconds(120)) async throws -> Program.Result {
        let result = try await Program.run(
            [Places.wardpost, "--site", path] + arguments,
            directory: directory.path,
            within: limit
        )
        note(result)
        return result
    }

    /// Keeps what a run said, for those who look for what must never be said.
    func note(_ result: Program.Result) {
        said.withLock { $0 += [result.output, result.errors] }
    }

    /// All that any run said.
    var transcript: [String] { said.withLock { $0 } }

    /// Whether `openssl` takes a file's signature.
    func isSigned(_ file: String) async throws -> Bool {
        let result = try await Program.run([
            "openssl", "dgst", "-sha256", "-verify", path + "/keys/records.pub.pem", "-signature",
            "\(path)/\(file).sig", "\(path)/\(file)",
        ])
        return result.status == 0 && result.output.contains("Verified OK")
    }
}

/// The files of a job's folder.
struct JobFiles: Sendable {
    var files: [String: Data] = [:]

    /// A simple job: manifest, table, text template.
    init(
        name: String = "Test",
        rows: [[String]] = [["a@example.test", "P-1", "Ada"]],
        manifest more: String = "",
        purpose: String = "treatment",
        from: String = "Clinic <care@clinic.test>",
        subject: String = "Your visit",
        columns: [String] = ["email", "ref", "first_name"],
        plain: String = "[first_name]",
        template: String = "Dear {{first_name}},\nyour reference is {{ref}}.\n"
    ) {
        self["manifest.yaml"] = """
            name: \(name)
            purpose: \(purpose)
            from: \(from)
            subject: "\(subject)"
            template: letter
            recipients: recipients.csv
            columns:
              address: email
              key: ref
              plain: \(plain)

            """ + more
        self["recipients.csv"] = Self.table([columns] + rows)
        self["letter.txt"] = template
    }

    /// A file as text.
    subscript(_ name: String) -> String {
        get { String(decoding: files[name] ?? Data(), as: UTF8.self) }
        set { files[name] = Data(newValue.utf8) }
    }

    /// CSV with commas.
    static func table(_ rows: [[String]]) -> String {
        rows.map { row in
            row.map { cell in
                cell.contains { "\",\n\r".contains($0) }
                    ? "\"\(cell.replacingOccurrences(of: "\"", with: "\"\""))\"" : cell
            }
            .joined(separator: ",") + "\n"
        }
        .joined()
    }
}
