import Compose
import Foundation
import TestSupport
import Testing

/// The official specification's cases: those whose data fit a row run, the others are listed with the reason.
@Suite("The Mustache specification", .enabled(if: SharedCases.folder("mustache-spec") != nil))
struct MustacheSpecTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var file: String
        var name: String
        var template: String
        var expected: String
        var partials: [String: String]
        /// The data as columns; `nil` if they hold lists.
        var cells: [String: String]?
        var number: Int
        var id: String { "\(file)/\(name)" }
        var testDescription: String { id }
    }

    /// Why a case cannot run here.
    enum Reason: String, CaseIterable, Sendable {
        case emptyCell = "an empty cell stops the row instead of vanishing"
        case missingName = "a name without a column is refused instead of vanishing"
        case missingTemplate = "a partial that is not there is refused instead of vanishing"
        case list = "a row holds no lists"
        case noRecord = "the data are one value without a name; {{.}} is a section's cell"
        case recursion = "a template cannot include itself: without lists it would never end"
        case flat = "names are looked up as columns, letter by letter; sections change no names"
    }

    /// The cases that strictness forbids.
    static let forbidden: [Reason: [String]] = [
        .emptyCell: [
            "interpolation/Ampersand Null Interpolation",
            "interpolation/Basic Null Interpolation",
            "interpolation/Triple Mustache Null Interpolation",
        ],
        .missingName: [
            "interpolation/Ampersand Context Miss Interpolation",
            "interpolation/Basic Context Miss Interpolation",
            "interpolation/Dotted Names - Broken Chain Resolution",
            "interpolation/Dotted Names - Broken Chains",
            "interpolation/Triple Mustache Context Miss Interpolation",
            "inverted/Context Misses",
            "inverted/Dotted Names - Broken Chains",
            "sections/Context Misses",
            "sections/Dotted Names - Broken Chains",
            "~inheritance/Negative Sections",
        ],
        .missingTemplate: [
            "partials/Failed Lookup"
        ],
        .list: [
            "inverted/List",
            "sections/Implicit Iterator - Ampersand",
            "sections/Implicit Iterator - Array",
            "sections/Implicit Iterator - Decimal",
            "sections/Implicit Iterator - HTML Escaping",
            "sections/Implicit Iterator - Integer",
            "sections/Implicit Iterator - Root-level",
            "sections/Implicit Iterator - String",
            "sections/Implicit Iterator - Triple mustache",
            "sections/List",
            "sections/List Contexts",
        ],
        .noRecord: [
            "interpolation/Implicit Iterators - Ampersand",
            "interpolation/Implicit Iterators - Basic Integer Interpolation",
            "interpolation/Implicit Iterators - Basic Interpolation",
            "interpolation/Implicit Iterators - HTML Escaping",
            "interpolation/Implicit Iterators - Triple Mustache",
        ],
        .recursion: [
            "partials/Recursion",
            "~inheritance/Recursion",
        ],
        .flat: [
            "interpolation/Dotted Names - Context Precedence",
            "interpolation/Dotted Names - Initial Resolution",
            "interpolation/Dotted Names are never single keys",
            "interpolation/Dotted Names - No Masking",
            "sections/Parent contexts",
            "~inheritance/Block scope",
            "interpolation/Dotted Names - Ampersand Interpolation",
            "interpolation/Dotted Names - Basic Interpolation",
            "interpolation/Dotted Names - Triple Mustache Interpolation",
            "inverted/Context",
            "sections/Context",
            "sections/Deeply Nested Contexts",
            "~inheritance/Mustache Injection",
            "~inheritance/Sections",
        ],
    ]

    @Test("does what the specification says, or refuses what is listed", arguments: cases)
    func behaves(_ item: Case) throws {
        guard Self.forbidden.values.contains(where: { $0.contains(item.id) }) else {
            #expect(try Self.render(item) == item.expected)
            return
        }
        // A listed case that comes out right is listed wrongly.
        #expect((try? Self.render(item)) != item.expected)
    }

    @Test("runs most of the specification")
    func counts() {
        let listed = Self.forbidden.values.reduce(0) { $0 + $1.count }
        #expect(Self.cases.count == 163)
        #expect(listed == 46)
        #expect(Set(Self.forbidden.values.joined()).isSubset(of: Self.cases.map(\.id)))
    }

    static func render(_ item: Case) throws -> String {
        guard let cells = item.cells else { throw CocoaError(.featureUnsupported) }
        var fixture = TemplateFixture(cells: cells.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        fixture.partials = item.partials
        fixture.plain = Set(cells.keys)
        fixture.trusted = Set(cells.keys)
        return try fixture.render(item.template)
    }

    static let cases: [Case] = {
        guard let folder = SharedCases.folder("mustache-spec") else { return [] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".json") }.sorted().flatMap {
            load(folder + "/" + $0, String($0.dropLast(5)))
        }
    }()

    private static func load(_ path: String, _ file: String) -> [Case] {
        guard let data = FileManager.default.contents(atPath: path),
            let document = try? JSONDecoder().decode(Document.self, from: data)
        else { return [] }
        return document.tests.enumerated().map { number, test in
            Case(
                file: file,
                name: test.name,
                template: test.template,
                expected: test.expected,
                partials: test.partials ?? [:],
                cells: test.data.cells(""),
                number: number
            )
        }
    }

    private struct Document: Decodable {
        struct Test: Decodable {
            var name: String
            var data: Value
            var template: String
            var expected: String
            var partials: [String: String]?
        }
        var tests: [Test]
    }

    private enum Value: Decodable {
        case text(String), object([String: Value]), list

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .text("")
            } else if let flag = try? container.decode(Bool.self) {
                self = .text(flag ? "true" : "")
            } else if let number = try? container.decode(Int.self) {
                self = .text(String(number))
            } else if let number = try? container.decode(Double.self) {
                self = .text(String(number))
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let object = try? container.decode([String: Value].self) {
                self = .object(object)
            } else if (try? container.decode([Value].self))?.isEmpty == true {
                self = .text("")
            } else {
                self = .list
            }
        }

        /// Data as columns: nested names with dots, `true` as a filled cell, `false`, `null` or an empty list
        /// as an empty one; `nil` for a list.
        func cells(_ name: String) -> [String: String]? {
            switch self {
            case .text(let text):
                return [name: text]
            case .list:
                return nil
            case .object(let object):
                var cells = name.isEmpty ? [:] : [name: "filled"]
                for (key, value) in object.sorted(by: { $0.key < $1.key }) {
                    guard let inner = value.cells(name.isEmpty ? key : "\(name).\(key)") else { return nil }
                    cells.merge(inner) { $1 }
                }
                return cells
            }
        }
    }
}
