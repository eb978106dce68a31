import Foundation
import TestSupport

/// A proxy that keeps what an observer on the wire would see.
final class RecordingProxy: Sendable {
    private let directory: TemporaryDirectory
    private let program: Program
    /// Where it listens.
    let port: Int

    init(to target: Int) async throws {
        directory = try TemporaryDirectory()
        program = try Program(["python3", Places.script("record_proxy.py"), String(target), directory.path])
        port = Int(try await program.firstLine()) ?? 0
    }

    /// All that clients sent, connection by connection.
    var fromClients: [Data] { records(".client") }
    /// All that the server sent.
    var fromServer: [Data] { records(".server") }

    private func records(_ suffix: String) -> [Data] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        return names.filter { $0.hasSuffix(suffix) }.sorted()
            .compactMap { try? Data(contentsOf: URL(fileURLWithPath: directory.path($0))) }
    }
}

/// A web server for links to lead to.
final class WebTarget: Sendable {
    private let directory: TemporaryDirectory
    private let program: Program
    /// Where it listens.
    let port: Int
    /// What it shows.
    let certificate: CertificateFiles

    init(_ certificate: CertificateFiles) async throws {
        self.certificate = certificate
        directory = try TemporaryDirectory()
        program = try Program([
            "python3", Places.script("web_target.py"), certificate.chain, certificate.key, directory.path("log"),
        ])
        port = Int(try await program.firstLine()) ?? 0
    }

    /// The request lines so far.
    var requests: [String] {
        ((try? directory.text("log")) ?? "").split(separator: "\n").map(String.init)
    }
}

/// Chromium without a window.
struct Chromium: Sendable {
    /// What a visit came to.
    struct Visit: Decodable, Sendable {
        /// Where the clicked link pointed.
        var href: String
        /// The page's address after the click.
        var arrived: String
        /// Its title.
        var title: String
        /// How many tracked links the page showed.
        var shown: Int?
        /// How many it did not show, and how many of these keys or a screen reader would still find.
        var hidden: Int?
        var reachable: Int?
    }

    static var isThere: Bool { Places.have("chromium") || Places.have("chromium-browser") }

    /// Opens a page with its images and clicks a link; trusts no certificate but those with these public keys.
    static func visit(_ url: String, clicking text: String, trusting pins: [String]) async throws -> Visit {
        let profile = try TemporaryDirectory()
        let output = try await Program.output(
            ["python3", Places.script("browse.py"), profile.path, pins.joined(separator: ","), url, text],
            within: .seconds(180)
        )
        return try JSONDecoder().decode(Visit.self, from: Data(output.utf8))
    }
}

/// curl, for requests of our own.
struct Web: Sendable {
    /// The root to trust.
    var ca: String

    /// The status of an answer, and its body.
    func request(_ method: String, _ url: String, body: String? = nil) async throws -> (status: Int, body: String) {
        var arguments = ["curl", "-sS", "--cacert", ca, "-X", method, "-w", "\n%{http_code}", "--max-time", "20"]
        if method == "HEAD" { arguments = arguments.filter { $0 != "-X" && $0 != "HEAD" } + ["--head"] }
        if let body { arguments += ["--data", body] }
        let lines = try await Program.output(arguments + [url]).split(
            separator: "\n",
            omittingEmptySubsequences: false
        )
        return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
    }
}

/// Waits until a person could have looked at what was just delivered.
///
/// Whoever follows a link within a second of the delivery counts as a program (`after_delivery` in automation.yaml), and on a fast
/// machine Chromium and curl are that quick. The time of the delivery is the relay's, which is before the job's end.
func untilPeopleLook() async throws {
    try await Task.sleep(for: .seconds(2))
}
