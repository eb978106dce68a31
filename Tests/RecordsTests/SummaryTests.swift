import Core
import Foundation
import Ledger
import TestSupport
import Testing

@testable import Records

/// What people and programs are told in sum.
@Suite struct SummaryTests {
    @Test("Every reason that a row can have comes with advice")
    func advice() throws {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/Core/Reason.swift")
        let words = try String(contentsOf: source, encoding: .utf8).matches(of: /= Reason\("([a-z0-9-]+)"\)/).map(\.1)
        #expect(words.count > 30)
        for word in words {
            let cause = OutcomeTotals.Cause(status: .failed, reason: Reason(rawValue: String(word)))
            let advice = Advice(cause)
            #expect(advice.meaning != String(word), "no advice for \(word)")
            #expect(advice.remedy.hasSuffix("."), "\(word)")
        }
    }

    @Test("A word from a later version still gives a line")
    func unknownWord() {
        let advice = Advice(.init(status: .failed, reason: Reason(rawValue: "moon-phase")))
        #expect(advice.meaning == "moon-phase")
    }

    @Test(
        "The end's sentence counts what was sent and what was not",
        arguments: [
            ([], "The job has no rows; nothing was sent."),
            ([Fixture.sent(1)], "The one message was sent."),
            ([Fixture.sent(1), Fixture.sent(2)], "All 2 messages were sent."),
            (
                [Fixture.sent(1), Fixture.ended(.held, .certificateExpired), Fixture.ended(.failed, .refused)],
                "1 of 3 messages was sent; 1 failed, 1 held. summary.html says why and what to do."
            ),
            (
                [Fixture.ended(.invalid, .addressMissing)],
                "0 of 1 messages were sent; 1 invalid. summary.html says why and what to do."
            ),
        ] as [([Outcome?], String)]
    )
    func sentence(outcomes: [Outcome?], sentence: String) async throws {
        let fixture = try Fixture()
        #expect(EndMarker.sentence(for: try summary(try await fixture.view(outcomes))) == sentence)
    }

    private func summary(_ view: LedgerView) throws -> Summary {
        Summary(
            view: view,
            outcomes: try OutcomeTotals(counting: view),
            tracking: TrackingTotals(),
            switches: Summary.Switches(opens: true, clicks: true)
        )
    }

    @Test(
        "More complaints than the site puts up with are said in the summary, which most reach when the job has long ended",
        arguments: [(5, 3, true), (3, 3, false), (5, 6, false), (0, 1, false)]
    )
    func complaints(complained: Int, minimum: Int, isTooMuch: Bool) async throws {
        let fixture = try Fixture()
        let view = try await fixture.view(Array(repeating: Fixture.sent(1), count: 1_000))
        var summary = try summary(view)
        for row in 0..<1_000 {
            var activity = RowActivity()
            if row < complained { activity.complainedAt = Fixture.noon }
            summary.tracking.add(activity)
        }
        let word = "complaint_share_passed"
        #expect(!String(decoding: SummaryFiles.text(of: summary), as: UTF8.self).contains(word))
        summary.complaintLimit = ComplaintLimit(permille: 3, minimum: minimum)
        #expect(summary.hasTooManyComplaints == isTooMuch)
        #expect(
            String(decoding: SummaryFiles.text(of: summary), as: UTF8.self).contains("\"\(word)\": \(isTooMuch)")
        )
        let page = String(decoding: SummaryPage.html(summary), as: UTF8.self)
        #expect(
            page.contains("Recipients of \(complained) of 1,000 sent rows complained: more than the 0.3 %") == isTooMuch
        )
    }

    @Test("Counts have commas", arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")])
    func groups(number: Int, text: String) {
        #expect(grouped(number) == text)
    }

    @Test("A stopped job's summary says so; one under way says that it is")
    func states() async throws {
        let running = try Fixture()
        #expect(try summary(try await running.view([nil])).state == .running)
        let paused = try Fixture()
        let pause = [LedgerRecord.paused(at: Fixture.noon)]
        #expect(try summary(try await paused.view([nil], events: pause)).state == .paused)
        let stopped = try Fixture()
        let stop = [LedgerRecord.stopped(at: Fixture.noon, reason: .stopped)]
        let outcome = Fixture.ended(.cancelled, .stopped)
        #expect(try summary(try await stopped.view([outcome], events: stop)).state == .stopped)
    }

    @Test("A page with every state reads as it should, to the byte")
    func everyState() async throws {
        let fixture = try Fixture()
        var pinned = Fixture.tls13
        pinned.version = "TLSv1.2"
        pinned.cipher = "ECDHE-RSA-AES256-GCM-SHA384"
        let ends: [(Int, Outcome)] = [
            (900, Fixture.sent(5)), (253, Fixture.sent(95, tls: pinned)),
            (19, Fixture.ended(.failed, .mailboxUnknown)), (4, Fixture.ended(.failed, .mailboxFull)),
            (6, Fixture.ended(.invalid, .addressSyntax)), (2, Fixture.ended(.invalid, .cellEmpty)),
            (9, Fixture.ended(.suppressed, .optedOut)), (3, Fixture.ended(.held, .certificateExpired)),
            (1, Fixture.ended(.unknown, .answerLost)), (3, Fixture.ended(.cancelled, .pastNotAfter)),
        ]
        let view = try await fixture.view(
            ends.flatMap { Array(repeating: $0.1, count: $0.0) },
            name: "Your test result is ready",
            folder: "2026-11-22 laboratory results",
            links: Fixture.mixedLinks,
            events: Fixture.mixedEvents
        )
        var tracking = TrackingTotals()
        for row in 1...1_153 { tracking.add((row % 3 == 0 ? Fixture.activity(RowNumber(2)) : nil) ?? RowActivity()) }
        let summary = Summary(
            view: view,
            outcomes: try OutcomeTotals(counting: view),
            tracking: tracking,
            switches: Summary.Switches(opens: true, clicks: true)
        )
        try expectSnapshot(SummaryPage.html(summary), "every-state.html")
    }

    @Test(
        "A summary says what was tracked, who decided it, and how many rows were left out",
        arguments: [
            (
                [JobTracking(opens: .init(true, by: .job), clicks: .init(false, by: .unset), untrackedRows: 3)],
                ["true", "false", "job", "default", "3"],
                ["tracked, as the job&#39;s manifest asks", "nobody switched them on", "3 rows"]
            ),
            (
                [JobTracking(opens: .init(false, by: .senderAddress), clicks: .init(false, by: .site))],
                ["false", "false", "sender-address", "site", "0"],
                ["off for the sender&#39;s address", "off for the site"]
            ),
            (
                [
                    JobTracking(opens: .init(true, by: .job), clicks: .init(true, by: .job)),
                    JobTracking(opens: .init(false, by: .site), clicks: .init(true, by: .job)),
                ],
                ["true", "true", "site", "job", "0"], ["tracked at first; then switched off for the site"]
            ),
        ] as [([JobTracking], [String], [String])]
    )
    func switches(decisions: [JobTracking], members: [String], sentences: [String]) async throws {
        let fixture = try Fixture()
        let view = try await fixture.view(
            [Fixture.sent(1)],
            events: decisions.map { .tracking(at: Fixture.noon, $0) }
        )
        let switches = try #require(Summary.Switches(view.run))
        let summary = Summary(
            view: view,
            outcomes: try OutcomeTotals(counting: view),
            tracking: TrackingTotals(),
            switches: switches
        )
        let json = String(decoding: SummaryFiles.text(of: summary), as: UTF8.self)
        let names = ["opens_tracked", "clicks_tracked", "opens_rule", "clicks_rule", "rows_not_tracked"]
        for (name, member) in zip(names, members) {
            #expect(json.contains("\"\(name)\": \(member),") || json.contains("\"\(name)\": \"\(member)\","), "\(name)")
        }
        let page = String(decoding: SummaryPage.html(summary), as: UTF8.self)
        for sentence in sentences { #expect(page.contains(sentence), "\(sentence)") }
    }

    @Test("A ledger that does not say what was tracked leaves it to the manifest")
    func oldLedger() async throws {
        let fixture = try Fixture()
        #expect(try await Summary.Switches(fixture.view([nil]).run) == nil)
    }

    static let hostile = "</title><script>alert(1)</script>\"'&\u{0}\u{202E}"

    @Test("Nothing that others wrote becomes markup")
    func escapes() async throws {
        let fixture = try Fixture()
        var outcome = Fixture.sent(1)
        outcome.route = Self.hostile
        outcome.tls?.cipher = Self.hostile
        outcome.tls?.version = Self.hostile
        let view = try await fixture.view(
            [outcome, Fixture.ended(.failed, Reason(rawValue: Self.hostile))],
            name: Self.hostile,
            folder: Self.hostile,
            links: [Self.hostile]
        )
        let page = String(decoding: SummaryPage.html(try summary(view)), as: UTF8.self)
        #expect(!page.contains("<script"))
        #expect(!page.contains("\u{202E}"))
        #expect(!page.utf8.contains(0))
        #expect(page.contains("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"))
    }

    @Test(
        "The page is whole HTML without script and without anything from elsewhere",
        .enabled(if: Command.exists("python3"))
    )
    func wellFormed() async throws {
        let fixture = try Fixture()
        let view = try await fixture.view(Fixture.mixed, links: Fixture.mixedLinks)
        let path = try fixture.scratch.write("page.html", SummaryPage.html(try summary(view)))
        let script = """
            import sys
            from html.parser import HTMLParser
            void = {"meta", "br", "link", "img"}
            class Check(HTMLParser):
                stack, ids, labels = [], set(), set()
                def handle_starttag(self, tag, attributes):
                    assert tag not in ("script", "link", "img", "iframe"), tag
                    for name, value in attributes:
                        assert not name.startswith("on") and name not in ("src", "href"), name
                        if name == "id": self.ids.add(value)
                        if name == "aria-labelledby": self.labels.add(value)
                    if tag not in void: self.stack.append(tag)
                def handle_endtag(self, tag):
                    assert self.stack and self.stack.pop() == tag, (tag, self.getpos())
            check = Check()
            check.feed(open(sys.argv[1], encoding="utf-8").read())
            assert not check.stack, check.stack
            assert check.labels == check.ids, (check.labels, check.ids)
            """
        let result = try Command.run(["python3", "-c", script, path])
        #expect(result.status == 0, Comment(rawValue: result.errorText))
    }

    @Test("The summary's JSON can be read whatever is in it", .enabled(if: Command.exists("python3")))
    func json() async throws {
        let fixture = try Fixture()
        let view = try await fixture.view(
            Fixture.mixed,
            name: Self.hostile + "\\ \u{2028} 🙂 \u{9B}\n",
            links: Fixture.mixedLinks
        )
        let path = try fixture.scratch.write("summary.json", SummaryFiles.text(of: try summary(view)))
        let script = """
            import json, sys
            text = open(sys.argv[1], encoding="utf-8").read()
            assert not any(ord(c) < 32 and c != "\\n" or 127 <= ord(c) < 160 for c in text)
            data = json.loads(text)
            assert data["name"].endswith("\\\\ \\u2028 🙂 \\x9b\\n"), data["name"]
            assert sum(data["counts"].values()) == data["rows"] == 5, data["counts"]
            assert sum(entry["count"] for entry in data["reasons"]) == 3
            assert data["tls"]["version"] == {"TLSv1.3": 2}
            """
        let result = try Command.run(["python3", "-c", script, path])
        #expect(result.status == 0, Comment(rawValue: result.errorText))
    }
}
