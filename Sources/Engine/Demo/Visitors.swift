import Foundation

/// Stands in for recipients: reads captured messages, loads their pixel and follows a link, with curl over verified HTTPS.
struct Visitors {
    let mailboxes: String
    let authority: String

    /// Opens two messages and clicks in one; how many opens and clicks were answered as they should be.
    func visit() throws -> (opens: Int, clicks: Int) {
        let folder = mailboxes + "/new"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        var opens = 0
        var clicks = 0
        for name in names {
            let text = Self.decoded(try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
            if opens < 2, let pixel = Self.link("/o/", in: text), try fetch(pixel) == "200" { opens += 1 }
            if clicks < 1, let link = Self.link("/c/", in: text), try fetch(link) == "302" { clicks += 1 }
        }
        return (opens, clicks)
    }

    /// The message with its soft line breaks and encoded equals signs undone: enough to find links of ASCII.
    private static func decoded(_ message: Data) -> String {
        String(decoding: message, as: UTF8.self)
            .replacingOccurrences(of: "=\r\n", with: "")
            .replacingOccurrences(of: "=3D", with: "=")
    }

    private static func link(_ kind: String, in text: String) -> String? {
        guard let middle = text.range(of: kind),
            let start = text[..<middle.lowerBound].range(of: "https://", options: .backwards)
        else { return nil }
        return String(text[start.lowerBound...].prefix { !"\"'<> \r\n".contains($0) })
    }

    /// A browser's: by its own name, curl counts as a program.
    private static let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

    /// The status that a URL is answered with.
    private func fetch(_ url: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "curl", "--silent", "--show-error", "--max-time", "10", "--cacert", authority, "--output", "/dev/null",
            "--write-out", "%{http_code}", "--user-agent", Self.agent, url,
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
