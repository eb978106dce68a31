import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Who opens and clicks: a browser in each of the templates, and programs by their real names.
    @Suite struct Visitors {
        private static let templates = ["appointment-reminder", "newsletter", "test-result", "visit-summary"]
        private static let columns = [
            "email", "ref", "first_name", "clinic", "clinician", "visit_date", "next_steps", "appointment_date",
            "appointment_time", "place", "preparation",
        ]

        @Test(
            "Chromium opens a message in each template and clicks: people's opens and clicks, and nobody finds the decoy",
            .enabled(if: Chromium.isThere && Places.have("python3"), "needs chromium and python3"),
            .timeLimit(.minutes(8))
        )
        func templates() async throws {
            let authority = try Authority()
            let certificate = try authority.issue()
            let target = try await WebTarget(try authority.issue())
            let sink = try await Sink(authority)
            let tracking = Site.Tracking(port: try Places.freePort(), certificate: certificate)
            let site = try await Site(
                Site.Settings(relayPort: sink.port, ca: authority.file, settle: 1, tracking: tracking)
            )
            let watch = try site.start("watch")
            for template in Self.templates { try site.job(template, try job(template, leadingTo: target.port)) }
            for template in Self.templates {
                try await eventually("\(template) is done", within: .seconds(60)) { site.marker(template) == "DONE" }
            }
            try await untilPeopleLook()
            let pins = [try await Authority.pin(certificate), try await Authority.pin(target.certificate)]
            let mails = try await Mail.read(sink.folder)
            for template in Self.templates {
                let mail = try #require(mails.first { $0.to.first?.address == "\(template)@kunde.test" })
                let html = mail.html ?? ""
                let label = try #require(Self.firstLabel(html))
                let page = try site.directory.write("\(template).html", text: html)
                let visit = try await Chromium.visit("file://\(page)", clicking: label, trusting: pins)
                #expect(visit.arrived.hasPrefix("https://localhost:\(target.port)/"), "\(template): \(visit.arrived)")
                #expect(visit.hidden == 1, "\(template): one link is hidden")
                #expect(visit.reachable == 0, "\(template): a hidden link is reached by keys or read aloud")
                #expect(mail.text?.components(separatedBy: "/c/").count == (visit.shown ?? 0) + 1, "\(template)")
            }
            for template in Self.templates {
                let table: CSVFile = try await eventually("\(template)'s tracking.csv has the click") {
                    let table = try site.tracking(template)
                    return table.column("clicks") == ["1"] && table.column("opens") == ["1"] ? table : nil
                }
                #expect(table.column("automated_opens") == ["0"] && table.column("automated_clicks") == ["0"])
                let events: CSVFile = try await eventually("\(template)'s tracking-events.csv has both") {
                    // It is put in place a moment after tracking.csv.
                    let name = "jobs/\(template)/tracking-events.csv"
                    guard site.has(name), site.has(name + ".sig") else { return nil }
                    let events = try CSVFile(site.path + "/" + name)
                    return events.rows.count == 2 ? events : nil
                }
                #expect(Set(events.column("device")) == ["Linux"] && Set(events.column("visitor")).count == 1)
                try await eventually("\(template)'s tracking-events.csv is signed") {
                    try await site.isSigned("jobs/\(template)/tracking-events.csv")
                }
            }
            try await watch.stop()
            print("templates: \(Self.templates.count) opened and clicked by Chromium, all as a person's")
        }

        /// A job with one row in one of the site's templates, whose links lead to a server of ours.
        private func job(_ template: String, leadingTo port: Int) throws -> JobFiles {
            let row = [
                "\(template)@kunde.test", "R-1", "Eva", "Main Street", "Dr. Lee", "November 20", "Drink water.",
                "November 30",
                "10:30 am", "Room 2", "Come fasting.",
            ]
            var job = JobFiles(
                rows: [row],
                manifest: "tracking: {opens: true, clicks: true}\n",
                columns: Self.columns,
                plain: "[first_name, clinic]"
            )
            job["manifest.yaml"] = job["manifest.yaml"].replacingOccurrences(
                of: "template: letter",
                with: "template: \(template)"
            )
            job.files["letter.txt"] = nil
            let folder = Places.repository + "/templates"
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
                job[name] = text.replacingOccurrences(
                    of: "https://(portal|www)\\.riverside\\.example",
                    with: "https://localhost:\(port)",
                    options: .regularExpression
                )
            }
            job["READY"] = ""
            return job
        }

        /// What the first tracked link says.
        private static func firstLabel(_ html: String) -> String? {
            links(html).first { !$0.label.isEmpty }?.label
        }

        /// The tracked links of a message in their order, the decoy without a label.
        private static func links(_ html: String) -> [(url: String, label: String)] {
            html.matches(of: /href="(https:[^"]*\/c\/[^"]*)"[^>]*>([^<]*)</).map { (String($0.1), String($0.2)) }
        }

        // MARK: - Programs

        @Test(
            "Proxies, scanners, previews and programs by their real names and at their pace, beside people: each is classed",
            .enabled(if: Places.have("curl"), "needs curl"),
            .timeLimit(.minutes(8))
        )
        func programs() async throws {
            let scripts = try VisitScript.all().filter(\.isLive)
            #expect(scripts.count >= 40)
            let authority = try Authority()
            let sink = try await Sink(authority)
            let tracking = Site.Tracking(port: try Places.freePort(), certificate: try authority.issue())
            let site = try await Site(
                Site.Settings(relayPort: sink.port, ca: authority.file, settle: 1, tracking: tracking)
            )
            let watch = try site.start("watch")
            var job = JobFiles(
                rows: scripts.indices.map { ["v\($0)@kunde.test", "V-\($0)", "Eva"] },
                manifest: "tracking: {opens: true, clicks: true}\n"
            )
            let links = (1...VisitScript.links).map { "<p><a href=\"https://clinic.test/\($0)\">\($0)</a></p>" }
            job["letter.html"] = "<html><body><p>{{first_name}}, {{ref}}</p>\(links.joined())</body></html>"
            job["READY"] = ""
            try site.job("visits", job)
            try await eventually("the job is done", within: .seconds(60)) { site.marker("visits") == "DONE" }
            try await untilPeopleLook()
            let mails = try await Mail.read(sink.folder)
            // Those whose pace matters have the machine to themselves.
            let order = scripts.indices.sorted { scripts[$0].requests.count > scripts[$1].requests.count }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (position, index) in order.enumerated() {
                    if position >= (scripts[index].requests.count > 1 ? 3 : 6) { try await group.next() }
                    let html = try #require(mails.first { $0.to.first?.address == "v\(index)@kunde.test" }?.html)
                    let script = scripts[index]
                    group.addTask { try await Self.play(script, html, authority.file) }
                }
                try await group.waitForAll()
            }
            let count = scripts.reduce(0) { $0 + $1.requests.count }
            let events: CSVFile = try await eventually("all requests are in tracking-events.csv") {
                guard site.has("jobs/visits/tracking-events.csv") else { return nil }
                let file = try CSVFile(site.path + "/jobs/visits/tracking-events.csv")
                return file.rows.count == count ? file : nil
            }
            let kinds = zip(events.column("class"), events.column("why")).map { $0 == "human" ? $0 : "\($0) \($1)" }
            var found: [String: [String]] = [:]
            for (key, kind) in zip(events.column("key"), kinds) { found[key, default: []].append(kind) }
            var table = ConfusionTable()
            for (index, script) in scripts.enumerated() {
                let verdicts = found["V-\(index)"] ?? []
                #expect(verdicts == script.requests.map(\.expected), "\(script.who)")
                for (request, verdict) in zip(script.requests, verdicts) {
                    table.add(truth: request.truth, verdict: verdict == "human" ? "human" : "automated")
                }
            }
            print("\(scripts.count) visits by curl, \(count) requests:\n\(table)")
            #expect(table["person", "automated"] == 0)
            #expect(table["machine", "human"] == 0)
            #expect(try await site.isSigned("jobs/visits/tracking-events.csv"))
            #expect(!events.column("address").contains { !$0.isEmpty }, "no address is kept unless the site says so")
            try await watch.stop()
        }

        /// Plays one visit with curl: its pace, but pauses of no more than three seconds.
        private static func play(_ script: VisitScript, _ html: String, _ authority: String) async throws {
            let links = links(html)
            let pixel = try #require(html.firstMatch(of: /src="(https:[^"]*\/o\/[^"]*)"/)).1
            try await withThrowingTaskGroup(of: Void.self) { group in
                var last = script.requests[0].seconds
                for request in script.requests {
                    try await Task.sleep(for: .milliseconds(Int(min(3, request.seconds - last) * 1_000)))
                    last = request.seconds
                    let url =
                        switch request.what {
                        case .open: String(pixel)
                        case .link(0): try #require(links.last { $0.label.isEmpty }).url
                        case .link(let number): links[number - 1].url
                        }
                    var arguments = ["curl", "-sS", "--cacert", authority, "-o", "/dev/null", "--max-time", "20"]
                    arguments += ["-H", "User-Agent:" + (script.agents[request.visitor].map { " " + $0 } ?? "")]
                    if let header = script.header { arguments += ["-H", "\(header.name): \(header.value)"] }
                    if request.method == "HEAD" { arguments.append("--head") }
                    let command = arguments + [url]
                    group.addTask { _ = try await Program.output(command) }
                }
                try await group.waitForAll()
            }
        }
    }
}
