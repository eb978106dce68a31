import Core
import Files
import Foundation
import Glibc
import OpenSSL
import TestSupport
import Testing
import Tracking

extension EndToEnd {
    /// The tracking server as a program: on a host of its own, and killed again and again.
    @Suite struct TrackingHost {
        /// A directory with what a tracking host needs, and nothing else.
        private struct Host {
            let authority: Authority
            let directory: TemporaryDirectory
            let port: Int
            let keys: TokenKeys

            init(_ more: String = "") async throws {
                authority = try Authority()
                directory = try TemporaryDirectory()
                port = try Places.freePort()
                let certificate = try authority.issue()
                let secret = Hex.encode((0..<32).map { _ in UInt8.random(in: 0...255) })
                keys = TokenKeys(TokenKey(secret: SecretBytes(copying: try #require(Hex.decode(secret)))))
                try directory.write(
                    "wardpost.yaml",
                    text: """
                        site: Clinic of the Tests
                        postal_address: 1 River Road, Springfield
                        from_domains: [clinic.test]
                        routes:
                          main: {relay: "localhost:2525", tls: starttls, own: true}
                        tracking:
                          base_url: https://localhost:\(port)
                          listen: 127.0.0.1:\(port)
                          certificate: keys/tracker.pem
                          key: keys/tracker.key
                        \(more)

                        """
                )
                try directory.write("keys/tracking.key", text: secret + "\n")
                try copy(certificate)
                try FileManager.default.createDirectory(
                    atPath: directory.path("outbox/events"),
                    withIntermediateDirectories: true
                )
                for (name, mode) in [("keys", 0o700), ("outbox", 0o700), ("keys/tracking.key", 0o600)] {
                    try FileManager.default.setAttributes(
                        [.posixPermissions: mode],
                        ofItemAtPath: directory.path(name)
                    )
                }
            }

            func copy(_ certificate: CertificateFiles) throws {
                try directory.write(
                    "keys/tracker.pem",
                    Array(Data(contentsOf: URL(fileURLWithPath: certificate.chain)))
                )
                try directory.write("keys/tracker.key", Array(Data(contentsOf: URL(fileURLWithPath: certificate.key))))
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o600],
                    ofItemAtPath: directory.path("keys/tracker.key")
                )
            }

            func files() -> Set<String> {
                Set(FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? [])
            }

            func start(_ before: [String] = []) throws -> Program {
                try Program(before + [Places.wardpost, "--site", directory.path, "serve"])
            }

            func curl(_ arguments: [String], _ path: String) async throws -> String {
                try await Program.output(
                    ["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", authority.file] + arguments
                        + ["https://localhost:\(port)\(path)"]
                )
            }

            func ready(_ program: Program) async throws {
                try await eventually("the server listens") {
                    guard !program.hasEnded else { throw Program.Failure(description: program.errors) }
                    return (try? await curl([], "/healthz")) == "ok\n"
                }
            }

            func events() throws -> (events: [Event], faults: [ChainFault]) {
                let reader = EventReader(directory: try Directory(path: directory.path("outbox/events")), keys: keys)
                return (try reader.poll(), reader.firstFaults)
            }

            /// Puts another `tracking.key` in place at once, as `mv` does.
            func replaceKeys(_ text: String) throws {
                try directory.write("keys/new", text: text)
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o600],
                    ofItemAtPath: directory.path("keys/new")
                )
                guard unsafe rename(directory.path("keys/new"), directory.path("keys/tracking.key")) == 0 else {
                    throw Program.Failure(description: "the keys cannot be replaced")
                }
            }

            func path(
                _ keys: TokenKeys? = nil,
                _ append: (TrackingTokens, inout [UInt8]) throws -> Void
            ) throws -> String {
                let base = try #require(BaseURL("https://localhost:\(port)"))
                let tagger = AddressTagger(key: SecretBytes(copying: Array(repeating: 1, count: 32)))
                var url: [UInt8] = []
                try append(TrackingTokens(baseURL: base, keys: keys ?? self.keys, tagger: tagger), &url)
                return String(decoding: url.dropFirst(base.description.utf8.count), as: UTF8.self)
            }
        }

        @Test(
            "Killed 200 times under load, every request that was answered is in the events, none of them twice, and their chain holds",
            .timeLimit(.minutes(15))
        )
        func killed() async throws {
            let host = try await Host()
            let load = try PixelLoad(port: host.port, root: host.authority.file, keys: host.keys, connections: 16)
            for kill in 0..<200 {
                let before = load.count
                let program = try host.start()
                try await eventually("requests are answered", every: .milliseconds(3)) {
                    guard !program.hasEnded else { throw Program.Failure(description: program.errors) }
                    return load.count > before + 20 + kill % 50
                }
                usleep(UInt32.random(in: 0..<20_000))
                program.signal(SIGKILL)
                _ = await program.status()
            }
            try await load.stop()
            #expect(load.wrong == nil, "\(load.wrong ?? "")")
            let (events, faults) = try host.events()
            #expect(faults.isEmpty, "\(faults)")
            let rows = events.map(\.row.value)
            let written = Set(rows)
            #expect(written.count == rows.count, "an event stands there twice")
            let answered = load.answered
            let lost = Set(answered).subtracting(written)
            #expect(lost.isEmpty, "\(lost.count) of \(answered.count) answered requests are not in the events")
            #expect(written.allSatisfy { $0 <= load.begun })
            #expect(answered.count >= 200 * 20)
            print("killed 200 times: \(answered.count) answered, \(rows.count) events of \(load.begun) requests")
        }

        @Test("A host with a configuration, the token key and a certificate serves; it opens nothing else of the site")
        func demilitarized() async throws {
            let host = try await Host()
            let before = host.files()
            let trace = host.directory.path + ".strace"
            defer { try? FileManager.default.removeItem(atPath: trace) }
            let program = try host.start(["strace", "-D", "-f", "-y", "-q", "-e", "trace=%file", "-o", trace])
            try await host.ready(program)
            let job = try #require(PixelLoad.job)
            let open = try host.path { $0.appendOpenURL(job: job, row: RowNumber(1), to: &$1) }
            let click = try host.path {
                $0.appendClickURL(
                    job: job,
                    row: RowNumber(1),
                    link: 1,
                    target: Array("https://x.test/a".utf8)[...],
                    to: &$1
                )
            }
            let out = try host.path { tokens, url in
                let address = try Address(parsing: "ada@x.test") { _ in nil }
                tokens.appendUnsubscribeURL(job: job, row: RowNumber(1), list: "", address: address, to: &url)
            }
            let status = ["--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}"]
            #expect(try await host.curl(status, open) == "200 ")
            #expect(try await host.curl(status, click) == "302 https://x.test/a")
            #expect(try await host.curl(status + ["--data", "List-Unsubscribe=One-Click"], out) == "200 ")
            #expect(try await host.curl(status, "/o/forged.gif") == "404 ")
            #expect(try await program.stop().status == 0)
            let (events, faults) = try host.events()
            #expect(events.map(\.kind) == [.open, .click, .unsubscribe] && faults.isEmpty)
            let made = host.files().subtracting(before)
            // One for each day, as its name begins; midnight may fall into this.
            let days = Set(made.map { ($0 as NSString).lastPathComponent.prefix(10) })
            #expect(!made.isEmpty && made.count == days.count)
            #expect(made.allSatisfy { $0.hasPrefix("outbox/events/") && $0.hasSuffix(".jsonl") })
            // What it looked at below the site's directory, whether it was there or not.
            let allowed: Set<String> = [
                "", "wardpost.yaml", "keys", "keys/tracking.key", "keys/tracker.pem", "keys/tracker.key", "outbox",
                "outbox/events",
            ]
            let text = try await eventually("the trace is whole") {
                let text = try String(contentsOfFile: trace, encoding: .utf8)
                return text.contains("+++ exited with 0 +++") ? text : nil
            }
            let root = host.directory.path
            var seen: Set<String> = []
            for line in text.split(separator: "\n") {
                guard let call = line.firstMatch(of: /\b\w+\((?:AT_FDCWD|\d+)?<?([^>"]*)>?,? ?"([^"]*)"/) else {
                    continue
                }
                let (folder, name) = (String(call.1), String(call.2))
                let path = name.hasPrefix("/") ? name : folder + "/" + name
                guard path.hasPrefix(root + "/") || path == root else { continue }
                var relative = String(path.dropFirst(root.count + 1))
                while relative.hasSuffix("/") || relative.hasSuffix("/.") || relative == "." { relative.removeLast() }
                seen.insert(relative)
            }
            #expect(seen.isSuperset(of: ["wardpost.yaml", "keys/tracking.key"]), "\(seen)")
            let others = seen.subtracting(allowed).filter { !$0.hasPrefix("outbox/events/") }
            #expect(others.isEmpty, "\(others)")
        }

        @Test(
            "A new certificate is shown without a restart; one that cannot be used leaves the old one, and says so once"
        )
        func newCertificate() async throws {
            let host = try await Host()
            let load = try PixelLoad(port: host.port, root: host.authority.file, keys: host.keys, connections: 4)
            let program = try host.start()
            try await host.ready(program)
            let serial = { () async throws -> String in
                try await Program.output(
                    [
                        "sh", "-c",
                        "openssl s_client -connect localhost:\(host.port) </dev/null 2>/dev/null | openssl x509 -noout -serial",
                    ]
                )
            }
            let first = try await serial()
            // The key alone belongs to no certificate.
            let second = try host.authority.issue()
            let key = try Data(contentsOf: URL(fileURLWithPath: second.key))
            try key.write(to: URL(fileURLWithPath: host.directory.path("keys/tracker.key")))
            try await eventually("the fault is told") { program.errors.contains("keeps its old certificates") }
            #expect(try await serial() == first)
            try host.copy(second)
            try await eventually("the new certificate is shown") { try await serial() != first }
            let before = load.count
            try await eventually("running connections go on") { load.count > before + 50 }
            try await load.stop()
            #expect(load.wrong == nil)
            #expect(try await program.stop().status == 0)
            #expect(program.errors.components(separatedBy: "keeps its old certificates").count == 2)
        }

        @Test(
            "Token keys rotate under load without a restart; old links work for the stated time, a broken file changes nothing"
        )
        func newTokenKey() async throws {
            let host = try await Host("  keys: {valid_days: 2}")
            let load = try PixelLoad(port: host.port, root: host.authority.file, keys: host.keys, connections: 4)
            let program = try host.start()
            try await host.ready(program)
            let job = try #require(PixelLoad.job)
            let address = try Address(parsing: "ada@x.test") { _ in nil }
            /// An open and an opt-out under keys, and what they are answered with.
            func links(_ keys: TokenKeys) throws -> (open: String, out: String) {
                let row = RowNumber(4_000_000_000)
                return (
                    try host.path(keys) { $0.appendOpenURL(job: job, row: row, to: &$1) },
                    try host.path(keys) {
                        $0.appendUnsubscribeURL(job: job, row: row, list: "", address: address, to: &$1)
                    }
                )
            }
            func status(_ paths: String...) async throws -> [String] {
                var statuses: [String] = []
                for path in paths {
                    statuses.append(
                        try await host.curl(["--output", "/dev/null", "--write-out", "%{http_code}"], path)
                    )
                }
                return statuses
            }
            let old = try links(host.keys)
            #expect(try await status(old.open) == ["200"])

            let rotated = try await Program.run([
                Places.wardpost, "--site", host.directory.path, "keys", "rotate", "tracking",
            ])
            #expect(rotated.status == 0, "\(rotated.errors)")
            let good = try host.directory.text("keys/tracking.key")
            let line = try #require(good.split(separator: "\n").last?.split(separator: " "))
            let second = TokenKey(
                id: 2,
                secret: SecretBytes(copying: try #require(line.last.flatMap { Hex.decode($0) })),
                since: Timestamp("\(line[1]) \(line[2])")
            )
            let new = try links(TokenKeys(second))
            try await eventually("the new key works") { try await status(new.open) == ["200"] }
            #expect(try await status(old.open, old.out, new.out) == ["200", "200", "200"])
            let before = load.count
            try await eventually("running connections go on") { load.count > before + 50 }

            try host.replaceKeys("2 not a key\n")
            try await eventually("the fault is told") { program.errors.contains("keeps its old token keys") }
            #expect(try await status(old.open, new.open) == ["200", "200"])
            try await load.stop()
            #expect(load.wrong == nil, "\(load.wrong ?? "")")

            // The second began three days ago: opens under the first are over, opt-outs are not.
            let first = try #require(good.split(separator: "\n").first { $0.hasPrefix("1 ") })
            let past = "2 \(Timestamp.now + -3 * 86_400) \(try #require(line.last))\n"
            try host.replaceKeys("\(first)\n\(past)")
            try await eventually("the old key's time is over") { try await status(old.open) == ["404"] }
            #expect(try await status(old.out, new.open) == ["200", "200"])
            // A stolen key's line is removed.
            try host.replaceKeys(past)
            try await eventually("the first key is gone") { try await status(old.out) == ["404"] }
            #expect(try await status(new.open) == ["200"])
            #expect(try await program.stop().status == 0)
            #expect(program.errors.components(separatedBy: "keeps its old token keys").count == 2, "\(program.errors)")

            // Files under both keys, each under its own, and nothing lost.
            let keys = TokenKeys(second, older: host.keys.all)
            let reader = EventReader(directory: try Directory(path: host.directory.path("outbox/events")), keys: keys)
            let rows = try reader.poll().map(\.row.value)
            #expect(reader.faults == 0, "\(reader.firstFaults)")
            #expect(Set(load.answered).isSubset(of: rows))
            let (_, faults) = try host.events()
            #expect((1...2).contains(faults.count), "the day's file is under the new key: \(faults)")
        }

        @Test("Metrics and limits: numbers on the second address, none of them a path; 429 beyond the rate")
        func metrics() async throws {
            let metrics = try Places.freePort()
            let host = try await Host(
                """
                  metrics: 127.0.0.1:\(metrics)
                  limits: {rate: 60/h, burst: 5}
                """
            )
            let program = try host.start()
            try await eventually("the server listens") {
                guard !program.hasEnded else { throw Program.Failure(description: program.errors) }
                let text = try? await Program.output(["curl", "-sS", "http://127.0.0.1:\(metrics)/metrics"])
                return text?.contains("wardpost_healthy 1\n") == true
            }
            let job = try #require(PixelLoad.job)
            let open = try host.path { $0.appendOpenURL(job: job, row: RowNumber(1), to: &$1) }
            var answers: [String] = []
            for _ in 0..<8 {
                answers.append(try await host.curl(["--output", "/dev/null", "--write-out", "%{http_code}"], open))
            }
            #expect(answers.prefix(4).allSatisfy { $0 == "200" }, "\(answers)")
            #expect(answers.suffix(2).allSatisfy { $0 == "429" }, "\(answers)")
            let text = try await Program.output(["curl", "-sS", "http://127.0.0.1:\(metrics)/metrics"])
            let events = try host.events().events.count
            #expect(text.contains("wardpost_events_written_total \(events)\n"))
            #expect(text.contains("wardpost_requests_limited_total \(8 - events)\n"))
            let token = open.dropFirst(3).prefix(20)
            #expect(!text.contains("/o/") && !text.contains(token) && !text.contains("curl"))
            #expect(try await program.stop().status == 0)
        }

        @Test("150,000 events later the server holds no more memory than after the first", .timeLimit(.minutes(15)))
        func memory() async throws {
            let metrics = try Places.freePort()
            let host = try await Host("  metrics: 127.0.0.1:\(metrics)")
            let program = try host.start()
            try await host.ready(program)
            let job = try #require(PixelLoad.job)
            let open = try host.path { $0.appendOpenURL(job: job, row: RowNumber(1), to: &$1) }
            let written = { () async throws -> Int in
                let text = try await Program.output(["curl", "-sS", "http://127.0.0.1:\(metrics)/metrics"])
                let match = text.firstMatch(of: /\nwardpost_events_written_total (\d+)\n/)
                return try #require(match.flatMap { Int($0.1) })
            }
            let fetch = { (seconds: Int) async throws -> Int in
                let url = "https://localhost:\(host.port)\(open)"
                let text = try await Program.output(["wrk", "-t1", "-c256", "-d\(seconds)s", url])
                #expect(!text.contains("Non-2xx"), "\(text)")
                return try #require(program.residentMemory)
            }
            let first = try await fetch(5)
            var last = first
            for _ in 0..<60 where try await written() < 150_000 { last = try await fetch(10) }
            let count = try await written()
            #expect(count >= 150_000)
            #expect(last - first < 8_192, "\(first) KiB after the first, \(last) KiB after \(count)")
            #expect(try await program.stop().status == 0)
            let (events, faults) = try host.events()
            #expect(events.count >= count && faults.isEmpty)
        }
    }
}
