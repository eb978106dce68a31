import Core
import Testing
import Tracking

@testable import API

/// What can be asked, and how what cannot is told.
@Suite struct QuestionTests {
    @Test(
        "What is no question is told by its parameter, without its value",
        arguments: [
            ("/v1/rows?limit=0", "limit", "must be a whole number from 1 to 1000"),
            ("/v1/rows?limit=1001", "limit", "must be a whole number from 1 to 1000"),
            ("/v1/rows?limit=", "limit", "must be a whole number from 1 to 1000"),
            ("/v1/rows?limit=%2B1", "limit", "must be a whole number from 1 to 1000"),
            ("/v1/rows?limit=1&limit=1", "limit", "is given twice"),
            ("/v1/rows?from=2026-11-22", "from", "must be a moment such as 2026-11-22T08:00:00Z"),
            ("/v1/rows?first_day=2026-11-31", "first_day", "must be a day such as 2026-11-22"),
            ("/v1/rows?job=1", "job", "must be a job's number, as /v1/jobs has it"),
            ("/v1/rows?job=00112233445566778899-1", "job", "must be a job's number, as /v1/jobs has it"),
            ("/v1/rows?job=0011223344556677889A", "job", "must be a job's number, as /v1/jobs has it"),
            ("/v1/jobs/1", "job", "must be a job's number, as /v1/jobs has it"),
            ("/v1/rows?sender_domain=a%20b", "sender_domain", "must be a domain in its ASCII form"),
            ("/v1/rows?list=a%0A", "list", "must be a list's name, or (none)"),
            ("/v1/rows?row_key=", "row_key", "must be a text of 1 to 200 characters"),
            (
                "/v1/rows?status=sent,", "status",
                "must be sent, failed, invalid, suppressed, held, unknown or cancelled, with commas between"
            ),
            ("/v1/events?class=robot", "class", "must be human or automated"),
            ("/v1/events?link=0", "link", "must be a whole number from 1 to 65535"),
            ("/v1/rows?format=xml", "format", "must be json or csv"),
            ("/v1/rows?statuss=sent", "(unknown)", "did you mean status?"),
            ("/v1/rows?%FF=1", "(unknown)", "must be UTF-8, percent-encoded"),
            ("/v1/rows?sender=%F", "(unknown)", "must be UTF-8, percent-encoded"),
            ("/v1/jobs/00112233445566778899?zzzzzz=1", "(unknown)", "there is format"),
        ]
    )
    func refused(target: String, name: String, problem: String) async throws {
        let answer = try await Self.bench.value.ask(target)
        #expect(answer.status == 422)
        #expect(answer["content-type"] == "application/problem+json")
        #expect(
            answer.text.contains("\"parameters\":[{\"name\":\"\(name)\",\"problem\":\"\(problem)\"}]"),
            "\(answer.text)"
        )
    }

    private static let bench = Task { try await APIBench() }

    @Test(
        "Paths and methods that there are not are told",
        arguments: [
            ("GET", "/", 404), ("GET", "/v1", 404), ("GET", "/v1/", 404), ("GET", "/v1/rows/", 404),
            ("GET", "/v1/jobs/", 422),
            ("GET", "/v1/jobs/00112233445566778899", 404), ("GET", "/v1/jobs/a/b", 404),
            ("GET", "/v1/rows?after=zz", 404),
            ("GET", "/v1/events?after=-.-", 404), ("POST", "/v1/rows", 405), ("DELETE", "/v1/jobs/x", 405),
            ("PUT", "/openapi.json", 405), ("TRACE", "/v1/events", 405), ("POST", "/nowhere", 404),
        ]
    )
    func elsewhere(method: String, target: String, status: Int) async throws {
        let answer = try await Self.bench.value.ask(target, method: method)
        #expect(answer.status == status)
        #expect((answer["allow"] == "GET, HEAD") == (status == 405))
    }

    @Test(
        "Moments are read as RFC 3339 has them",
        arguments: [
            ("2026-11-22T08:00:00Z", "2026-11-22 08:00:00"), ("2026-11-22t08:00:00z", "2026-11-22 08:00:00"),
            ("2026-11-22 08:00:00Z", "2026-11-22 08:00:00"), ("2026-11-22T08:00:00.5Z", "2026-11-22 08:00:00"),
            ("2026-11-22T08:00:00.123456789+01:30", "2026-11-22 06:30:00"),
            ("2026-11-22T08:00:00-06:00", "2026-11-22 14:00:00"), ("2026-11-22T08:00:00-00:00", "2026-11-22 08:00:00"),
            ("2016-12-31T23:59:60Z", "2017-01-01 00:00:00"), ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00"),
        ]
    )
    func moments(text: String, moment: String) {
        #expect(RFC3339.moment(text) == Timestamp(moment))
    }

    @Test(
        "What is no moment is none",
        arguments: [
            "", "2026-11-22", "2026-11-22T08:00:00", "2026-11-22T08:00Z", "2026-02-30T08:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T08:00:00.Z", "2026-11-22T08:00:00+1:00", "2026-11-22T08:00:00+01:60",
            "2026-11-22T08:00:00+24:00",
            "2026-11-22T08:00:00ZZ", "2026-11-22T08:00:00+01:00 ", "+2026-1-22T08:00:00Z",
        ]
    )
    func noMoments(text: String) {
        #expect(RFC3339.moment(text) == nil)
    }

    @Test("An event that is about no job has no job and no row")
    func noJob() async throws {
        let bench = try await APIBench()
        try await bench.append(
            Event(.subscribe, job: .noJob, row: RowNumber(0), milliseconds: APIBench.noon.seconds * 1_000, list: "news")
        )
        let answer = bench.ask("/v1/events?kind=subscribe")
        #expect(answer.status == 200)
        #expect(answer.text.contains("\"kind\":\"subscribe\",\"job\":null,\"row\":null,"), "\(answer.text)")
        #expect(bench.ask("/v1/events?kind=subscribe&format=csv").text.contains(",subscribe,,,"))
        #expect(Self.count(bench.ask("/v1/jobs")) == 3 && Self.count(bench.ask("/v1/figures?by=job")) == 3)
        #expect(bench.ask("/v1/jobs/\(JobID.noJob)").status == 404)
    }

    @Test("The filters find what they say")
    func filters() async throws {
        let bench = try await APIBench()
        for (target, count) in [
            ("/v1/rows", 18), ("/v1/rows?status=failed", 6), ("/v1/rows?status=failed,sent", 18),
            ("/v1/rows?status=held", 0), ("/v1/rows?job=\(bench.jobs[1])", 6), ("/v1/rows?list=news", 6),
            ("/v1/rows?list=(none)", 12), ("/v1/rows?sender_domain=LAKESIDE.example", 6),
            ("/v1/rows?sender=care%40riverside.example", 12), ("/v1/rows?route=main", 18), ("/v1/rows?route=other", 0),
            ("/v1/rows?recipient_domain=post.example", 18), ("/v1/rows?recipient_domain=other.example", 0),
            ("/v1/rows?row_key=patient-2", 3), ("/v1/rows?first_day=2026-11-11&last_day=2026-11-11", 6),
            ("/v1/rows?first_day=2026-11-12&last_day=2026-11-11", 0), ("/v1/rows?last_day=2026-11-10", 6),
            ("/v1/rows?from=2026-11-11T12:00:04Z", 9), ("/v1/rows?before=2026-11-10T12:00:03Z", 2),
            ("/v1/events", 12), ("/v1/events?kind=open", 6), ("/v1/events?kind=open,click", 12),
            ("/v1/events?class=automated", 6), ("/v1/events?link=2", 3), ("/v1/events?kind=bounce", 0),
            ("/v1/events?row_key=patient-1&kind=click", 3), ("/v1/events?job=\(bench.jobs[0])&status=sent", 4),
            ("/v1/jobs", 3), ("/v1/jobs?list=news", 1), ("/v1/jobs?from=2026-11-11T00:00:00Z", 2),
            ("/v1/figures", 1), ("/v1/figures?by=job", 3), ("/v1/figures?by=day", 3), ("/v1/figures?by=week", 1),
            ("/v1/figures?by=month", 1), ("/v1/figures?by=sender_domain", 2), ("/v1/figures?by=job&limit=2", 2),
            ("/v1/reasons", 1), ("/v1/reasons?list=none", 0),
        ] {
            let answer = bench.ask(target)
            #expect(answer.status == 200, "\(target): \(answer.text)")
            #expect(Self.count(answer) == count, "\(target)")
            let csv = bench.ask(target + (target.contains("?") ? "&" : "?") + "format=csv")
            #expect(csv["content-type"] == "text/csv; charset=utf-8")
            #expect(csv.text.split(separator: "\r\n").count == count + 1, "\(target)")
        }
    }

    private static func count(_ answer: APIAnswer) -> Int {
        answer.text.matches(of: /(^\{"entries":\[|\},)\{/).count
    }

    @Test(
        "Pages follow one another by `next` and by Link, and hold every entry once",
        arguments: ["/v1/rows", "/v1/events", "/v1/jobs"]
    )
    func pages(path: String) async throws {
        let bench = try await APIBench()
        let whole = bench.ask(path).text
        for limit in [1, 2, 5, 7] {
            var entries: [String] = []
            var target = "\(path)?limit=\(limit)"
            for _ in 0..<30 {
                let answer = bench.ask(target)
                let found = try #require(
                    answer.text.firstMatch(of: /^\{"entries":\[(.*)\],"next":(null|"([^"]*)")\}\n$/)
                )
                entries.append(String(found.1))
                let link = answer["link"]
                #expect((found.3 == nil) == (link == nil))
                guard let mark = found.3, let link else { break }
                #expect(link == "<\(path)?limit=\(limit)&after=\(mark)>; rel=\"next\"")
                target = String(link.dropFirst().prefix { $0 != ">" })
                // The CSV has the same pages.
                #expect(bench.ask(target + "&format=csv").status == 200)
            }
            #expect("{\"entries\":[\(entries.joined(separator: ","))],\"next\":null}\n" == whole, "\(limit)")
        }
    }

    @Test("CSV is asked for by format or by Accept")
    func formats() async throws {
        let bench = try await APIBench()
        for (query, accept, isCSV) in [
            ("", nil, false), ("", "*/*", false), ("", "text/csv", true), ("", "application/json, text/csv", false),
            ("?format=json", "text/csv", false), ("?format=csv", "application/json", true),
        ] as [(String, String?, Bool)] {
            let answer = bench.ask("/v1/jobs" + query, accept: accept)
            #expect((answer["content-type"] == "text/csv; charset=utf-8") == isCSV, "\(query) \(accept ?? "")")
            #expect(answer["cache-control"] == "no-store" && answer["x-content-type-options"] == "nosniff")
        }
        #expect(bench.ask("/v1/jobs/\(bench.jobs[0])?format=csv").text.contains("Job 0"))
        #expect(bench.ask("/v1/jobs/00112233445566778899?format=csv").status == 404)
    }
}
