import Core
import Testing

@testable import API

/// The document says what is answered.
@Suite struct OpenAPITests {
    private let document = OpenAPI.document(Operation.all, version: "1.2.3")

    @Test("Every question stands in the document with its parameters, and nothing else does")
    func questions() throws {
        guard case .object(let paths)? = document["paths"] else { return #expect(Bool(false)) }
        #expect(paths.map(\.name) == Operation.all.map(\.path))
        for operation in Operation.all {
            let get = try #require(document["paths"]?[operation.path]?["get"])
            #expect(get["operationId"] == .text(operation.id))
            guard case .list(let parameters)? = get["parameters"] else { return #expect(Bool(false)) }
            #expect(parameters.map { $0["name"] } == operation.parameters.map { .text($0.name) })
            #expect(Set(operation.parameters.map(\.name)).count == operation.parameters.count, "\(operation.id)")
        }
        #expect(Set(Operation.all.map(\.id)).count == Operation.all.count)
    }

    @Test("An answer's members are those of its schema, in its order; CSV has the same columns")
    func shapes() async throws {
        let bench = try await APIBench()
        for (operation, target) in bench.targets {
            let schema = try #require(document["components"]?["schemas"]?[operation.shape.name])
            guard case .object(let properties)? = schema["properties"] else { return #expect(Bool(false)) }
            let text = bench.ask(target).text
            for property in properties {
                #expect(text.contains("\"\(property.name)\":"), "\(target) \(property.name)")
            }
            let csv = bench.ask(target + "?format=csv").text
            let header = try #require(csv.split(separator: "\r\n").first)
            #expect(header.dropFirst().split(separator: ",").map(String.init) == properties.map(\.name))
        }
    }

    @Test("The document has a tag by which a client knows that it is as it was")
    func tag() async throws {
        let bench = try await APIBench()
        let first = bench.handler.answer(APIRequest("GET", "/openapi.json"))
        let tag = try #require(first["etag"])
        #expect(
            first.status == 200 && first["content-type"] == "application/json" && first["cache-control"] == "no-cache"
        )
        let again = bench.handler.answer(APIRequest("GET", "/openapi.json", ifNoneMatch: tag))
        #expect(again.status == 304 && again.body.isEmpty && again["etag"] == tag)
        #expect(bench.handler.answer(APIRequest("GET", "/openapi.json", ifNoneMatch: "\"x\"")).status == 200)
    }
}
