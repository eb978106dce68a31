import Core
import Testing

@testable import API

/// What a key lets one ask.
@Suite struct ScopeTests {
    @Test("Each question is answered to keys with its scope, and refused to all others")
    func eachScope() async throws {
        let bench = try await APIBench()
        for (operation, target) in bench.targets {
            for scope in APIScope.allCases {
                let answer = bench.ask(target, key: bench.add([scope]))
                #expect(answer.status == (scope == operation.scope ? 200 : 403), "\(target) with \(scope)")
                if answer.status == 403 {
                    #expect(answer["content-type"] == "application/problem+json")
                    #expect(answer["www-authenticate"]?.contains("scope=\"\(operation.scope.rawValue)\"") == true)
                }
            }
        }
    }

    @Test("A key without a scope gets nothing, whatever it asks")
    func noScope() async throws {
        let bench = try await APIBench()
        let key = bench.add([])
        for (_, target) in bench.targets {
            for query in ["", "?limit=1", "?row_key=patient-1", "?nonsense=1", "?format=csv"] {
                #expect(bench.ask(target + query, key: key).status == 403, "\(target)\(query)")
            }
        }
    }

    @Test("Without a key that is good nothing is told but the document")
    func noKey() async throws {
        let bench = try await APIBench()
        let ended = bench.add(Set(APIScope.allCases), expires: Timestamp(year: 2026, month: 1, day: 1))
        for (_, target) in bench.targets {
            for authorization in [
                nil, "", "Bearer", "Bearer ", "Bearer x", "Basic \(bench.key)", bench.key, "Bearer \(bench.key)x",
                "Bearer \(ended)", "Bearer  \(bench.key)",
            ] {
                let answer = bench.handler.answer(APIRequest("GET", target, authorization: authorization))
                #expect(answer.status == 401, "\(target) \(authorization ?? "nil")")
                #expect(answer["www-authenticate"] == "Bearer realm=\"wardpost\"")
            }
            #expect(bench.handler.answer(APIRequest("GET", target, authorization: "bearer \(bench.key)")).status == 200)
        }
        #expect(bench.handler.answer(APIRequest("GET", "/openapi.json")).status == 200)
    }

    @Test("To ask by a row's key takes a scope of its own")
    func rowKeys() async throws {
        let bench = try await APIBench()
        for (operation, target) in bench.targets where operation.parameters.contains(where: { $0.name == "row_key" }) {
            let target = "\(target)?row_key=patient-1"
            #expect(bench.ask(target, key: bench.add([operation.scope])).status == 403, "\(target)")
            #expect(bench.ask(target, key: bench.add([operation.scope, .rowKeys])).status == 200, "\(target)")
            // A value that is wrong is no way around it.
            #expect(bench.ask(target + "&row_key=", key: bench.add([operation.scope])).status != 200)
        }
    }

    @Test("A key for one domain, or one job, finds nothing of others, whatever it asks for")
    func limits() async throws {
        let bench = try await APIBench()
        let all = Set(APIScope.allCases)
        let ofDomain = bench.add(all, domains: ["lakeside.example"])
        let ofJob = bench.add(all, jobs: [bench.jobs[2]])
        let both = bench.add(all, domains: ["riverside.example"], jobs: [bench.jobs[2]])
        let none = bench.add(all, domains: [])
        for path in ["/v1/jobs", "/v1/rows", "/v1/events"] {
            for key in [ofDomain, ofJob] {
                let text = bench.ask(path, key: key).text
                #expect(text.contains("\(bench.jobs[2])"), "\(path)")
                #expect(!text.contains("\(bench.jobs[0])") && !text.contains("\(bench.jobs[1])"), "\(path)")
                let asked = bench.ask("\(path)?job=\(bench.jobs[0])&sender_domain=riverside.example", key: key)
                #expect(asked.text == "{\"entries\":[],\"next\":null}\n", "\(path)")
            }
            for key in [both, none] {
                #expect(bench.ask(path, key: key).text == "{\"entries\":[],\"next\":null}\n", "\(path)")
            }
        }
        for key in [ofDomain, ofJob, both, none] {
            #expect(bench.ask("/v1/jobs/\(bench.jobs[0])", key: key).status == 404)
        }
        #expect(bench.ask("/v1/jobs/\(bench.jobs[2])", key: ofDomain).status == 200)
        let whole = bench.ask("/v1/figures").text
        let part = bench.ask("/v1/figures", key: ofDomain).text
        #expect(whole.contains("\"rows\":18") && part.contains("\"rows\":6"))
        #expect(bench.ask("/v1/figures?by=sender_domain", key: ofJob).text.contains("lakeside.example"))
        #expect(!bench.ask("/v1/figures?by=sender_domain", key: ofJob).text.contains("riverside.example"))
        #expect(bench.ask("/v1/reasons", key: none).text == "{\"entries\":[],\"next\":null}\n")
    }

    @Test("No answer tells an address or a row's key")
    func secrets() async throws {
        let bench = try await APIBench()
        for (_, target) in bench.targets {
            for query in [
                "", "?format=csv", "?row_key=patient-1", "?limit=x&row_key=patient-2&nonsense=patient-1",
                "?patient-1=1",
            ] {
                let answer = bench.ask(target + query)
                for secret in APIBench.secrets {
                    // The link to the next page repeats the question; here there is none.
                    #expect(!answer.text.contains(secret), "\(target)\(query) tells \(secret)")
                    #expect(!answer.fields.contains { $0.value.contains(secret) }, "\(target)\(query)")
                }
            }
        }
    }
}
