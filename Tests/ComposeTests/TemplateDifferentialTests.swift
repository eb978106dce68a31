import Compose
import Core
import Mustache
import Testing

/// A second opinion on templates nobody would write: swift-mustache must make the same of them.
@Suite("Beside swift-mustache")
struct TemplateDifferentialTests {
    static let names = ["a", "b", "empty", "long_name"]
    static let cells = ["a": "Zoë <1> & \"x\"", "b": "plain", "empty": "", "long_name": "two\nlines"]

    @Test("random templates come out the same", arguments: 0..<40)
    func same(_ block: Int) throws {
        for seed in 0..<50 {
            var generator = TemplateGenerator(seed: UInt64(block * 1_000 + seed))
            let page = "[" + generator.template(depth: 0, in: nil) + "]\n"
            let partial = "(" + generator.template(depth: 2, in: nil, allowsPartials: false) + ")\n"
            var fixture = TemplateFixture(cells: Self.names.map { ($0, Self.cells[$0] ?? "") })
            fixture.partials = ["part": partial]
            fixture.trusted = Set(Self.names)
            fixture.plain = Set(Self.names)
            let library = MustacheLibrary(templates: [
                "page": try MustacheTemplate(string: page), "part": try MustacheTemplate(string: partial),
            ])
            // There an empty string fills a section; only what is not there does not.
            let object = Self.cells.filter { !$0.value.isEmpty }
            let theirs = library.render(object, withTemplate: "page")
            let ours = try fixture.render(page)
            #expect(
                ours == theirs,
                "seed \(block * 1_000 + seed): \(page.debugDescription) with \(partial.debugDescription)"
            )
        }
    }
}

/// Makes templates from a seed, the same every time.
struct TemplateGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
        state = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// Text, tags and sections; `inside` is the section's column, whose cell is not empty there.
    ///
    /// A section closes alone on a line only if it opens on one: where it does not, the other keeps a line that the
    /// specification takes.
    mutating func template(depth: Int, in inside: String?, allowsPartials: Bool = true) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 1...6, using: &self) {
            let name = ["a", "b", "long_name"].randomElement(using: &self) ?? "a"
            switch Int.random(in: 0..<(depth < 3 ? 12 : 8), using: &self) {
            case 0: text += "word "
            case 1: text += "\n"
            case 2: text += "  "
            case 3: text += "é\n"
            case 4: text += "{{\(name)}}"
            case 5: text += "{{ {\(name)} }}".replacing("{{ {", with: "{{{").replacing("} }}", with: "}}}")
            case 6: text += "{{! a remark }}"
            case 7: text += allowsPartials ? "\n{{> part}}\n" : "end"
            case 8:
                text +=
                    "{{#\(name)}}." + template(depth: depth + 1, in: name, allowsPartials: allowsPartials)
                    + ".{{/\(name)}}"
            case 9:
                text +=
                    "\n  {{#\(name)}}  \n" + template(depth: depth + 1, in: name, allowsPartials: allowsPartials)
                    + "\n {{/\(name)}}\n"
            case 10:
                text +=
                    "{{^empty}}." + template(depth: depth + 1, in: inside, allowsPartials: allowsPartials)
                    + ".{{/empty}}"
            default:
                text +=
                    "\n{{#empty}}\n" + template(depth: depth + 1, in: inside, allowsPartials: allowsPartials)
                    + "\n{{/empty}}\n"
            }
        }
        return text
    }
}
