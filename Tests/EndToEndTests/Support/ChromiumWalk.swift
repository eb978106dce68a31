import Foundation
import TestSupport
import Testing

extension Chromium {
    /// One step of a person on our pages, by mouse or by keys.
    struct Step: Encodable, Sendable {
        var go: String?
        var write: String?
        var tab: Int?
        var enter: Bool?
        var press: String?
        /// Whether pressing leads to no other page.
        var stays: Bool?
        /// The name of a picture of the page after the step.
        var shot: String?

        static func go(_ url: String, shot: String? = nil) -> Step { Step(go: url, shot: shot) }
        static func write(_ text: String) -> Step { Step(write: text) }
        static func tab(_ times: Int = 1, shot: String? = nil) -> Step { Step(tab: times, shot: shot) }
        static func enter(shot: String? = nil) -> Step { Step(enter: true, shot: shot) }
        static func press(_ selector: String, stays: Bool = false, shot: String? = nil) -> Step {
            Step(press: selector, stays: stays, shot: shot)
        }
    }

    /// A page after a step, and what can be measured of its fitness for everybody.
    struct Page: Decodable, Sendable {
        var url: String
        var title: String
        var lang: String
        /// The text as it is shown.
        var text: String
        var html: String
        var headings: [String]
        var mains: Int
        var scripts: Int
        /// How much was fetched besides the page.
        var fetched: Int
        /// How many fields have no label that is shown.
        var unnamed: Int
        /// Whether one must scroll sideways.
        var overflows: Bool
        /// The least contrast of a text.
        var contrast: Double
        /// The least side of anything to be pressed, in CSS pixels.
        var smallest: Double
        /// The id, or the name, of the element that has the focus.
        var focus: String
        /// How broad the ring around it is.
        var ring: Double
    }

    /// Who walks.
    struct Walker: Sendable {
        /// What the browser accepts.
        var language = "en-US"
        /// In CSS pixels.
        var width = 1_280
        var isDark = false
    }

    /// Walks through pages; trusts no certificate but those with these public keys.
    ///
    /// Pictures are kept where `WARDPOST_PICTURES` says, for a person to look at.
    static func walk(_ steps: [Step], as walker: Walker = Walker(), trusting pins: [String]) async throws -> [Page] {
        struct Plan: Encodable {
            var language: String
            var width: Int
            var dark: Bool
            var steps: [Step]
        }
        let profile = try TemporaryDirectory()
        let pictures = ProcessInfo.processInfo.environment["WARDPOST_PICTURES"]
        let steps = steps.map { step in
            var step = step
            step.shot = pictures.flatMap { folder in step.shot.map { "\(folder)/\($0).png" } }
            return step
        }
        let plan = Plan(language: walker.language, width: walker.width, dark: walker.isDark, steps: steps)
        let result = try await Program.run(
            ["python3", Places.script("walk.py"), profile.path, pins.joined(separator: ",")],
            input: String(decoding: try JSONEncoder().encode(plan), as: UTF8.self),
            within: .seconds(180)
        )
        guard result.status == 0 else { throw Program.Failure(description: "walk.py: \(result.errors)") }
        return try JSONDecoder().decode([Page].self, from: Data(result.output.utf8))
    }
}

extension Chromium.Page {
    /// Everybody can use the page: its language is named, headings and fields are what they are called, it is not wider than the
    /// window, its contrasts are the 7 to 1 that the manual promises, what is to be pressed is large enough; and nothing runs or comes
    /// from elsewhere.
    func expectFit(_ language: String, _ comment: Comment) {
        #expect(lang == language, comment)
        #expect(headings == ["h1"] && mains == 1 && !title.isEmpty, comment)
        #expect(scripts == 0 && fetched == 0, comment)
        #expect(unnamed == 0, comment)
        #expect(!overflows, comment)
        #expect(contrast >= 7, comment)
        #expect(smallest >= 24, comment)
        if focus != "body" { #expect(ring >= 3, comment) }
    }
}
