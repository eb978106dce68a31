import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Two senders' domains, two names of the tracking server.
    @Suite struct PrivateLabels {
        /// A site with two domains, each with links of its own, on one port.
        private struct Labels {
            let site: Site
            let sink: Sink
            let authority: Authority
            let port: Int
            let names = ["t.clinic.test", "t.other.test"]

            init() async throws {
                authority = try Authority()
                sink = try await Sink(authority)
                port = try Places.freePort()
                var settings = Site.Settings(relayPort: sink.port, ca: authority.file)
                settings.fromDomains = "[clinic.test, other.test]"
                settings.more = """
                    tracking:
                      base_url: https://\(names[0]):\(port)
                      listen: 127.0.0.1:\(port)
                      certificate: keys/clinic.pem
                      key: keys/clinic.key
                      senders:
                        second@other.test: {opens: false}
                      hosts:
                        - {from_domains: [other.test], base_url: "https://\(names[1]):\(port)", certificate: keys/other.pem, key: keys/other.key}

                    """
                site = try await Site(settings)
                for (file, name) in zip(["clinic", "other"], names) {
                    let issued = try authority.issue([name])
                    try site.write("keys/\(file).pem", Data(contentsOf: URL(fileURLWithPath: issued.chain)))
                    try site.write("keys/\(file).key", Data(contentsOf: URL(fileURLWithPath: issued.key)))
                    try site.chmod("keys/\(file).key", 0o600)
                }
            }

            func job(from: String) -> JobFiles {
                var job = JobFiles(
                    rows: [["a@kunde.test", "1", "Ada", ""], ["b@kunde.test", "2", "Bob", "yes"]],
                    manifest: "tracking: {opens: true, clicks: true}\n",
                    from: "Clinic <\(from)>",
                    columns: ["email", "ref", "first_name", "no_tracking"]
                )
                job["letter.html"] = "<body><p>{{first_name}}</p><a href=\"https://portal.test/visit\">here</a></body>"
                return job
            }

            /// What curl gets, with the name resolved to this machine.
            func get(_ url: String) async throws -> (status: String, location: String) {
                var arguments = ["curl", "--silent", "--show-error", "--cacert", authority.file, "--max-time", "20"]
                for name in names { arguments += ["--resolve", "\(name):\(port):127.0.0.1"] }
                arguments += ["--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}", url]
                let words = try await Program.output(arguments).split(separator: " ").map(String.init)
                return (words.first ?? "", words.count > 1 ? words[1] : "")
            }
        }

        @Test("Each domain's links lead to its own host under its own certificate, and work at the other, too")
        func twoHosts() async throws {
            let labels = try await Labels()
            let site = labels.site
            let senders = ["care@clinic.test", "care@other.test", "second@other.test"]
            for (name, from) in zip(["first", "second", "third"], senders) {
                try site.job(name, labels.job(from: from))
            }
            for name in ["first", "second", "third"] {
                #expect(try await site.run("send", name).status == 0)
            }
            let mails = try await Mail.read(labels.sink.folder)
            #expect(mails.count == 6)
            var urls: [String: String] = [:]
            for (sender, host, other) in [
                (senders[0], labels.names[0], labels.names[1]), (senders[1], labels.names[1], labels.names[0]),
                (senders[2], labels.names[1], labels.names[0]),
            ] {
                for mail in mails where mail["from"].contains(sender) {
                    let text = (mail.text ?? "") + (mail.html ?? "")
                    let isTracked = mail["to"].contains("a@kunde.test")
                    #expect(text.contains("https://\(host):\(labels.port)/c/") == isTracked, "\(sender)")
                    #expect(text.contains("/o/") == (isTracked && sender != senders[2]), "\(sender)")
                    #expect(!text.contains(other))
                    if isTracked {
                        urls[sender] = text.firstMatch(of: /https:\/\/[a-z.]+:\d+\/c\/[A-Za-z0-9_-]+/).map {
                            String($0.0)
                        }
                    } else {
                        #expect(!text.contains(host) && text.contains("\"https://portal.test/visit\""))
                    }
                }
            }
            let server = try site.start("serve")
            try await eventually("the server listens", within: .seconds(90)) {
                (try? await labels.get("https://\(labels.names[0]):\(labels.port)/healthz").status) == "200"
            }
            for (sender, own) in [(senders[0], 0), (senders[1], 1)] {
                let url = try #require(urls[sender])
                #expect(url.contains(labels.names[own]))
                for name in labels.names {
                    let there = url.replacing(labels.names[own], with: name)
                    let answer = try await labels.get(there)
                    #expect(
                        answer.status == "302" && answer.location == "https://portal.test/visit",
                        "\(sender) at \(name)"
                    )
                }
            }
            #expect(try await server.stop().status == 0)
        }

        @Test(
            "`check` says who decided, as text and as JSON; a certificate of another name is told before anything is sent"
        )
        func check() async throws {
            let labels = try await Labels()
            try labels.site.job("third", labels.job(from: "second@other.test"))
            let text = try await labels.site.run("check", "third")
            #expect(text.status == 0, "\(text.errors)")
            #expect(
                text.output.contains(
                    "opens: not tracked, decided by sender-address: tracking.senders.\"second@other.test\".opens at wardpost.yaml:"
                )
            )
            #expect(text.output.contains("clicks: tracked, decided by job: tracking.clicks at manifest.yaml:11:33"))
            #expect(text.output.contains("1 row is not tracked by the recipients' wish"))
            let json = try await labels.site.run("check", "third", "--json")
            let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
            let tracking = try #require(object?["tracking"] as? [String: Any])
            let opens = try #require(tracking["opens"] as? [String: Any])
            #expect(opens["tracked"] as? Bool == false && opens["rule"] as? String == "sender-address")
            #expect(opens["file"] as? String == "wardpost.yaml" && opens["line"] as? Int ?? 0 > 0)
            #expect(tracking["rows_not_tracked"] as? Int == 1)
            #expect(tracking["base_url"] as? String == "https://t.other.test:\(labels.port)")
            let wrong = try labels.authority.issue(["t.wrong.test"])
            try labels.site.write("keys/other.pem", Data(contentsOf: URL(fileURLWithPath: wrong.chain)))
            try labels.site.write("keys/other.key", Data(contentsOf: URL(fileURLWithPath: wrong.key)))
            let said = "the certificate keys/other.pem does not name the host t.other.test"
            let refused = try await labels.site.run("check", "third")
            #expect(refused.status == 65 && refused.errors.contains(said))
            let server = try await labels.site.run("serve", within: .seconds(20))
            #expect(server.status == 78 && server.errors.contains(said), "\(server.errors)")
        }
    }
}
