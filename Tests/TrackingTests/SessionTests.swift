import Core
import TestSupport
import Testing

@testable import Tracking

/// All scripted visits, judged as the server and the reader of events judge them, with the scripts' own times.
@Suite("Scripted sessions")
struct SessionTests {
    static let scripts = (try? VisitScript.all()) ?? []
    private static let delivered = Timestamp(milliseconds: Fixture.noon)
    private static let classifier = Classifier.shipped

    /// The events of a visit, classed as the server classes them when they come.
    private static func events(_ script: VisitScript) -> [Event] {
        let notes = VisitorNotes(Fixture.keys)
        return script.requests.map { request in
            let text = request.visitor == 0 ? script.address : nil
            let address = ClientAddress(text ?? "192.0.2.\(request.visitor + 1)")
            let agent = script.agents[request.visitor] ?? ""
            let kind: Event.Kind = request.what == .open ? .open : .click
            let verdict = classifier.classify(kind, method: request.method, agent: agent, address: address) { name in
                script.header.flatMap { $0.name.lowercased() == name ? $0.value : nil }
            }
            var event = Event(
                kind,
                job: Fixture.job,
                row: RowNumber(1),
                milliseconds: delivered.seconds * 1_000 + Int64((request.seconds * 1_000).rounded()),
                audience: verdict.audience,
                why: verdict.why,
                method: request.method,
                agent: agent
            )
            if case .link(let link) = request.what { event.link = link }
            notes.note(address, on: &event)
            return event
        }
    }

    private static func fold(_ events: some Sequence<Event>) throws -> RowFold {
        var activity = JobActivity(job: Fixture.job, classifier: classifier)
        for event in events { activity.apply(event) }
        return try #require(activity.fold(RowNumber(1), delivered: delivered, links: VisitScript.links))
    }

    @Test("each request of each visit is classed as its script says", arguments: scripts)
    func classes(script: VisitScript) throws {
        let events = Self.events(script)
        let fold = try Self.fold(events)
        let found = fold.events.map { $0.isAutomated ? "automated \($0.why)" : "human" }
        #expect(found == script.requests.map(\.expected))
        let humans = fold.events.filter { !$0.isAutomated }
        #expect(fold.activity.opens.count == humans.filter { $0.kind == "open" }.count)
        #expect(fold.activity.clicks.count == humans.filter { $0.kind == "click" }.count)
        #expect(fold.activity.deviceCount == Set(humans.map(\.visitor)).count)
        #expect(try Self.fold(events.reversed()) == fold, "the order in which events are read changed them")
    }

    @Test("at least forty visits, of every kind; people are people, and what slips through is what the file says")
    func confusion() throws {
        var requests = ConfusionTable()
        var visits = ConfusionTable()
        for script in Self.scripts {
            let fold = try Self.fold(Self.events(script))
            for (request, event) in zip(script.requests, fold.events) {
                requests.add(truth: request.truth, verdict: event.isAutomated ? "automated" : "human")
            }
            let isHuman = fold.events.contains { !$0.isAutomated }
            let truth = script.requests.contains { $0.truth == "person" } ? "person" : script.requests[0].truth
            visits.add(truth: truth, verdict: isHuman ? "human" : "automated")
        }
        print("\(Self.scripts.count) scripted visits, by visit:\n\(visits)\nby request:\n\(requests)")
        #expect(Self.scripts.count >= 40)
        #expect(requests["person", "automated"] == 0)
        #expect(requests["proxy", "human"] == 0)
        // A slow scanner that only looks at what is shown, and a fetch beside a person's click.
        #expect(requests["machine", "human"] == 4)
        #expect(visits["machine", "human"] == 1)
        #expect(visits["person", "human"] >= 15)
    }

    @Test("each reason of the rules that are compiled in is met by a visit")
    func coverage() throws {
        var met: Set<String> = []
        for script in Self.scripts {
            for request in script.requests where request.expected != "human" {
                met.insert(String(request.expected.dropFirst("automated ".count)))
            }
        }
        let rules = AutomationRules.shipped
        var reasons = Set(rules.rules.map(\.reason))
        let pace = rules.pace
        for reason in [
            pace.decoy, pace.afterDelivery?.reason, pace.sameSecond?.reason, pace.burst?.reason, pace.everyLink?.reason,
            pace.afterHead?.reason,
        ] { reasons.insert(try #require(reason)) }
        #expect(reasons.subtracting(met).subtracting(["prerender", "other-proxy"]).isEmpty)
    }
}
