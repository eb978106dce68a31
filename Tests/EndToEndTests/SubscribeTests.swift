import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// From a form on the tracking host to a job that goes to the list.
    @Suite struct Subscribing {
        static let canary = "Canary-tirili"

        @Test(
            "A form on a host that knows nobody, a message, a button, a list, a job for it: and the host never has the address",
            .enabled(if: Places.have("python3", "curl"), "needs python3 and curl"),
            .timeLimit(.minutes(5))
        )
        func wholeWay() async throws {
            let two = try await TwoHosts()
            let watch = try two.site.start("watch", "--no-serve")
            let eva = "\(Self.canary)@kunde.test"

            // Unknown, suppressed, and, further down, subscribed: the same bytes.
            try await two.site.run("suppress", "add", "gone@kunde.test")
            let unknown = try await two.post("/s/news", "email=\(eva)&website=")
            let suppressed = try await two.post("/s/news", "email=gone%40kunde.test&website=")
            #expect(unknown.status == 200 && unknown.body.contains("If this address can be subscribed"))
            #expect(suppressed.status == 200 && suppressed.body == unknown.body)
            try two.bring()
            try await eventually("the message is there") { try await two.mails(to: eva).count == 1 }
            let mail = try #require(try await two.mails(to: eva).first)
            #expect(mail["subject"] == "Please confirm: Winter news")
            #expect(mail.html?.contains("/y/") == true)

            // A scanner fetches what it finds; nothing comes of it.
            let link = try await two.link(eva)
            let web = Web(ca: two.authority.file)
            for method in ["GET", "HEAD", "GET"] { #expect(try await web.request(method, link).status == 200) }
            try two.bring()
            try await Task.sleep(for: .seconds(3))
            #expect(two.table("news").isEmpty)

            // A forged link is none of ours; the button makes a subscriber, once.
            #expect(
                try await web.request("POST", link.replacing("/y/A", with: "/y/B"), body: "confirm=yes").status == 404
            )
            for _ in 0..<3 {
                let answer = try await web.request("POST", link, body: "confirm=yes")
                #expect(answer.status == 200 && answer.body.contains("You are subscribed"))
            }
            try two.bring()
            try await eventually("the list has the address") { two.table("news") == [eva] }
            #expect(try await two.mails(to: "gone@kunde.test").isEmpty)
            let known = try await two.post("/s/news", "email=\(eva)&website=")
            #expect(known.body == unknown.body && known.status == 200)

            // The host's disk and what it said hold no piece of the address, in no form.
            var looked = 0
            for (name, bytes) in try two.diskOfTheHost() {
                looked += 1
                let text = String(decoding: bytes, as: UTF8.self).lowercased()
                for piece in ["canary", "tirili", "kunde.test", "kunde%2e", "q2fuyxj5", "nfuyxj5", "jyw5hcnk"] {
                    #expect(!text.contains(piece), "\(name)")
                }
            }
            #expect(looked >= 7)
            for text in [two.serve.output, two.serve.errors, watch.output, watch.errors] {
                #expect(!text.lowercased().contains("canary"))
            }

            // A job for the list.
            try two.site.write(
                "jobs/issue/manifest.yaml",
                """
                name: Issue
                purpose: operations
                from: Clinic of the Tests <news@clinic.test>
                subject: Winter
                template: letter
                recipients: {list: news}

                """
            )
            try two.site.write("jobs/issue/letter.txt", "Hello.\n")
            let check = try await two.site.run("check", "issue")
            #expect(check.output.contains("ready, 1 subscriber of news"))
            try two.site.write("jobs/issue/READY", "")
            try await eventually("the issue is sent") { two.site.marker("issue") == "DONE" }
            #expect(try await two.mails(to: eva).count == 2)
            #expect(try two.site.results("issue").column("status") == ["sent"])
            #expect(try await two.site.run("lists").output == "news\t1\t0\t0\nflu\t0\t0\t0\n")

            // A flood gets 429 whatever it names, and the site no more messages than it takes forms.
            var statuses: [Int] = []
            for number in 0..<60 {
                statuses.append(try await two.post("/s/flu", "email=p\(number)%40kunde.test").status)
            }
            #expect(Set(statuses) == [200, 429])
            #expect(statuses.filter { $0 == 200 }.count <= 40)
            // A visitor has a form in ninety seconds, which may fall due just now.
            let limit = { (address: String) async throws in
                let first = try await two.post("/s/news", "email=\(address)")
                return first.status == 200 ? try await two.post("/s/news", "email=\(address)") : first
            }
            let limited = try await limit(eva)
            #expect(limited.status == 429)
            #expect(try await limit("new%40kunde.test").body == limited.body)
            try await watch.stop()
            try await two.serve.stop()
            print(
                "subscribe: \(looked) files of the tracking host searched; \(statuses.filter { $0 == 200 }.count) of 60 forms taken"
            )
        }

        @Test(
            "SIGKILL between any two steps loses no subscriber and sends no message twice",
            .enabled(if: Places.have("python3", "curl"), "needs python3 and curl"),
            .timeLimit(.minutes(5))
        )
        func kills() async throws {
            let two = try await TwoHosts()
            let addresses = (1...30).map { "p\($0)@kunde.test" }
            for address in addresses { #expect(try await two.post("/s/news", "email=\(address)").status == 200) }
            try two.bring()
            var kills = 0
            // Each life a little longer than the last: into the start, the records, the sending.
            for milliseconds in stride(from: 50, through: 1_500, by: 145) {
                let watch = try two.site.start("watch", "--no-serve")
                try await Task.sleep(for: .milliseconds(milliseconds))
                watch.signal(SIGKILL)
                _ = await watch.status()
                kills += 1
            }
            var watch = try two.site.start("watch", "--no-serve")
            func ended() throws -> (sent: Int, unknown: Int) {
                let record = (try? two.site.text("outbox/lists/news.jsonl")) ?? ""
                return (
                    record.components(separatedBy: "\"op\":\"sent\"").count - 1,
                    record.components(separatedBy: "\"op\":\"unknown\"").count - 1
                )
            }
            try await eventually("every wish has its end", within: .seconds(60)) {
                let (sent, unknown) = try ended()
                return sent + unknown == addresses.count
            }
            let (sent, unknown) = try ended()
            let mails = try await Mail.read(two.maildir).compactMap { $0.to.first?.address }
            #expect(Set(mails).count == mails.count, "a message went out twice")
            #expect(mails.count >= sent && mails.count <= sent + unknown)
            for address in Set(mails) {
                let link = try await two.link(address)
                #expect(try await Web(ca: two.authority.file).request("POST", link, body: "").status == 200)
            }
            try two.bring()
            for milliseconds in [100, 400, 800] {
                watch.signal(SIGKILL)
                _ = await watch.status()
                watch = try two.site.start("watch", "--no-serve")
                try await Task.sleep(for: .milliseconds(milliseconds))
                kills += 1
            }
            try await eventually("all who pressed are on the list", within: .seconds(60)) {
                two.table("news").sorted() == mails.sorted()
            }
            try await watch.stop()
            print(
                "subscribe: \(kills) times SIGKILL; \(addresses.count) forms, \(sent) sent, \(unknown) unknown, \(mails.count) messages, \(two.table("news").count) subscribers"
            )
        }
    }
}
