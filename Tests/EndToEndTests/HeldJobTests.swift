import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Relays that cannot be trusted get nothing.
    @Suite struct HeldJob {
        /// What is wrong with a relay, and the word that every row must then have.
        enum Fault: String, CaseIterable, Sendable {
            case noStartTLS = "tls-not-offered"
            case selfSigned = "certificate-untrusted"
            case unknownAuthority = "certificate-untrusted "
            case expired = "certificate-expired"
            case wrongName = "certificate-name"
            case implicitWrongName = "certificate-name "

            var reason: String { rawValue.trimmingCharacters(in: .whitespaces) }
        }

        @Test(
            "Without STARTTLS and with bad certificates no mail command and no message byte leaves, and every row is held",
            .enabled(if: PostfixPeer.isThere && Places.have("python3"), "needs root, postfix and python3"),
            .timeLimit(.minutes(5))
        )
        func held() async throws {
            let authority = try Authority()
            let stranger = try Authority(name: "Test Root")
            let expired = try authority.issue(from: -3 * 86_400, to: -86_400)
            let doors: [Fault: PostfixPeer.Door] = [
                .noStartTLS: .init(level: "none"),
                .selfSigned: .init(certificate: try await authority.selfSigned().both),
                .unknownAuthority: .init(certificate: try stranger.issue().both),
                .expired: .init(certificate: expired.both),
                .wrongName: .init(certificate: try authority.issue(["relay.example", "127.0.0.1"]).both),
                .implicitWrongName: .init(isImplicit: true, certificate: try authority.issue(["relay.example"]).both),
            ]
            let postfix = try await PostfixPeer(Fault.allCases.compactMap { doors[$0] })
            let clinic = ClinicJob()
            for (fault, port) in zip(Fault.allCases, postfix.ports) {
                let proxy = try await RecordingProxy(to: port)
                let site = try await Site(
                    Site.Settings(
                        relayPort: proxy.port,
                        tls: fault == .implicitWrongName ? "implicit" : "starttls",
                        ca: authority.file
                    )
                )
                var job = JobFiles()
                job["manifest.yaml"] = ClinicJob.manifest
                    .replacingOccurrences(of: "windows-1252", with: "utf-8")
                    .replacingOccurrences(of: "tracking: {opens: true, clicks: true}\n", with: "")
                job["recipients.csv"] = JobFiles.table([ClinicJob.columns] + clinic.rows.map(\.cells))
                job["befund.txt"] = ClinicJob.text
                job["befund.html"] = ClinicJob.html(link: "https://portal.test/befund")
                for (name, bytes) in clinic.letters { job.files["briefe/\(name)"] = bytes }
                try site.job("befunde", job)
                let sent = try await site.run("send", "befunde")
                #expect(sent.status == 1, "\(fault): status \(sent.status) \(sent.errors)")
                let results = try site.results("befunde")
                #expect(results.rows.count == clinic.rows.count)
                for (index, row) in clinic.rows.enumerated() where !row.isEmptied {
                    #expect(results[index]["status"] == "held", "\(fault), row \(index + 1)")
                    #expect(results[index]["reason"] == fault.reason, "\(fault), row \(index + 1)")
                    #expect(results[index]["tls_version"] == "")
                }
                #expect(site.marker("befunde") == "DONE")
                #expect(try await site.isSigned("jobs/befunde/results.csv"))
                let seen = proxy.fromClients
                #expect(!seen.isEmpty, "\(fault): nobody connected")
                for bytes in seen { expectNothing(in: bytes, clinic, fault) }
                print(
                    "held: \(fault): \(results.counts("status")), \(seen.count) connections,",
                    "\(seen.reduce(0) { $0 + $1.count }) bytes from us, none of a message"
                )
            }
            let log = try await postfix.settledLog()
            #expect(log.contains(": disconnect from"))
            for line in log.split(separator: "\n") where line.contains(": disconnect from") {
                #expect(!line.contains("mail="), "Postfix was given a mail command: \(line)")
                #expect(!line.contains("rcpt=") && !line.contains("data="))
            }
            #expect(Mail.count(in: postfix.maildir) == 0)
        }

        private func expectNothing(in bytes: Data, _ clinic: ClinicJob, _ fault: Fault) {
            let text = String(decoding: bytes, as: UTF8.self)
            for word in ["MAIL FROM", "RCPT TO", "DATA", "AUTH", "praxis@clinic.test"] {
                #expect(!text.uppercased().contains(word.uppercased()), "\(fault): \(word) in clear")
            }
            for row in clinic.rows where !row.isEmptied {
                #expect(!text.contains(row.email) && !text.contains(row.name), "\(fault): a row in clear")
            }
        }
    }
}
