import Compose
import Core
import Testing

/// Messages to recipients who are not to be tracked.
@Suite struct UntrackedMessageTests {
    static let html = """
        <html><body><p>Dear {{name}},</p>
        <p><a href="https://portal.example/?a=1&b={{clinic}}&copy=2">here</a>, <a href='http://map.example/{{clinic}}'>map</a>,
        <a href=" https&#58;//odd.example/&#x78; ">odd</a> or <a href="mailto:care@riverside.example">write</a>.</p>
        </body></html>
        """
    static let text = "Dear {{name}},\nsee https://portal.example/{{clinic}}, or (http://map.example/?q={{clinic}}).\n"

    private func design(_ html: String?, _ text: String?, _ plan: TrackingPlan, list: String? = nil) throws -> JobDesign
    {
        var design = try Fixture.design(html: html, text: text)
        design.tracking = plan
        design.list = list
        return design
    }

    private func message(_ design: JobDesign, isTracked: Bool) throws -> [UInt8] {
        var scratch = Scratch()
        var output: [UInt8] = []
        var context = try Fixture.context(list: design.list ?? "")
        context.isTracked = isTracked
        try Composer(design).compose(
            row: Fixture.row("Anna Berg"),
            identity: Fixture.identity(),
            date: Fixture.date,
            context: context,
            scratch: &scratch,
            into: &output
        )
        return output
    }

    @Test(
        "A row that is not tracked gets, byte for byte, the message of a job that tracks nothing",
        arguments: [(html, text), (html, nil), (nil, text)] as [(String?, String?)],
        [(true, true), (true, false), (false, true)]
    )
    func untracked(bodies: (String?, String?), switches: (Bool, Bool)) throws {
        let plan = TrackingPlan(opens: switches.0, clicks: switches.1, decoy: true)
        let tracked = try design(bodies.0, bodies.1, plan)
        let untracked = try message(tracked, isTracked: false)
        #expect(untracked == (try message(design(bodies.0, bodies.1, TrackingPlan()), isTracked: true)))
        #expect(!String(decoding: untracked, as: UTF8.self).contains("t.riverside.example"))
        // The tracked one has what the other lacks; a text has no pixel.
        let hasSomething = plan.clicks || bodies.0 != nil
        #expect((try message(tracked, isTracked: true) != untracked) == hasSomething)
    }

    @Test("List-Unsubscribe and the unsubscribe link stay, and nothing else leads to the tracking server")
    func unsubscribe() throws {
        let html = Self.html.replacing("</body>", with: "<a href=\"{{unsubscribe_url}}\">leave</a></body>")
        let design = try design(html, nil, TrackingPlan(opens: true, clicks: true, decoy: true), list: "news")
        let text = String(decoding: try message(design, isTracked: false), as: UTF8.self).replacing("=\r\n", with: "")
        #expect(text.contains("List-Unsubscribe: <https://t.riverside.example/u/news-7>"))
        #expect(text.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"))
        let hosts = text.matches(of: /t\.riverside\.example\/(.)/).map { String($0.1) }
        // The header's, the text's and the HTML's.
        #expect(hosts == ["u", "u", "u"])
    }
}
