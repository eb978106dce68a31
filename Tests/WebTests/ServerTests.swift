// swift-format-ignore-file: NeverForceUnwrap
import Synchronization
import Testing

@testable import Web

private let host = "Host: t.clinic.example\r\n"

@Suite("Connections of HTTP/1.1", .timeLimit(.minutes(2)))
struct ConnectionTests {
    @Test("requests sent at once are answered in order, whenever their answers come")
    func pipelined() async throws {
        try await Hosted.run { hosted in
            let client = RawClient(hosted.port)
            client.send(
                "GET /later HTTP/1.1\r\n\(host)\r\nGET /b HTTP/1.1\r\n\(host)\r\n"
                    + "POST /c HTTP/1.1\r\n\(host)Content-Length: 2\r\n\r\nhi"
                    + "HEAD /d HTTP/1.1\r\n\(host)\r\nGET /e HTTP/1.1\r\n\(host)Connection: close\r\n\r\n"
            )
            let text = await client.read()
            let bodies = text.split(separator: "[").dropFirst().map { String($0.prefix { $0 != "]" }) }
            #expect(bodies == ["GET /later ", "GET /b ", "POST /c hi", "GET /e "])
            #expect(hosted.seen.all.count == 5)
            #expect(text.contains("connection: close"))
            #expect(text.contains("\r\ndate: "))
            #expect(!text.lowercased().contains("server:"))
        }
    }

    @Test("behind a request that is refused nothing is read: what is smuggled there is never answered")
    func smuggled() async throws {
        let smuggled = "GET /smuggled HTTP/1.1\r\n\(host)\r\n"
        let attempts = [
            "POST /a HTTP/1.1\r\n\(host)Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(smuggled)",
            "POST /a HTTP/1.1\r\n\(host)Content-Length: 0\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n\(smuggled)",
            "POST /a HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n\(smuggled)",
            "POST /a HTTP/1.1\r\n\(host)Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n\(smuggled)",
            "POST /a HTTP/1.1\r\n\(host)Transfer-Encoding: cow, chunked\r\n\r\n0\r\n\r\n\(smuggled)",
            "GET /a HTTP/1.1\n\(host)\n\(smuggled)",
        ]
        try await Hosted.run { hosted in
            for attempt in attempts {
                let client = RawClient(hosted.port)
                client.send(attempt)
                let text = await client.read()
                #expect(text.hasPrefix("HTTP/1.1 400") || text.hasPrefix("HTTP/1.1 501"), "\(text)")
                #expect(text.components(of: "HTTP/1.1 ") == 1, "one answer, then the end")
            }
            #expect(hosted.seen.all.isEmpty)
        }
    }

    @Test("a request that drips is cut when its time is over, however steadily it drips")
    func slow() async throws {
        try await Hosted.run({ $0.requestSeconds = 2 }) { hosted in
            let client = RawClient(hosted.port)
            client.send("GET /a HTTP/1.1\r\n")
            let dripping = Task {
                while client.send("X: y\r\n") { try await Task.sleep(for: .milliseconds(100)) }
            }
            let start = ContinuousClock.now
            let text = await client.read()
            dripping.cancel()
            #expect(text.isEmpty)
            #expect(ContinuousClock.now - start < .seconds(20))
            #expect(hosted.server.counters.expired.load(ordering: .relaxed) == 1)
            // The same for a body, and for empty lines before a request.
            for beginning in ["POST /a HTTP/1.1\r\n\(host)Content-Length: 100\r\n\r\n", "\r\n"] {
                let other = RawClient(hosted.port)
                other.send(beginning)
                #expect(await other.read().isEmpty)
            }
            #expect(hosted.seen.all.isEmpty)
        }
    }

    @Test("a connection without a request is closed, before the first and between two")
    func idle() async throws {
        try await Hosted.run({ $0.idleSeconds = 1 }) { hosted in
            #expect(await RawClient(hosted.port).read().isEmpty)
            let client = RawClient(hosted.port)
            client.send("GET /a HTTP/1.1\r\n\(host)\r\n")
            #expect(await client.read().hasSuffix("[GET /a ]"))
        }
    }

    @Test("a client that takes no answers is cut, and what waits for it stays small")
    func notReading() async throws {
        try await Hosted.run({ limits in
            limits.requestSeconds = 1
            limits.idleSeconds = 1
        }) { hosted in
            let client = RawClient(hosted.port)
            let request = "GET /large HTTP/1.1\r\n\(host)\r\n"
            client.send(String(repeating: request, count: 1_000))
            while hosted.server.counters.expired.load(ordering: .relaxed) == 0 {
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(hosted.seen.all.count < 20, "answers are not made ahead of who reads them")
            _ = await client.read()
        }
    }

    @Test("more connections than allowed are closed at once, and the others go on")
    func connections() async throws {
        try await Hosted.run({ $0.connections = 3 }) { hosted in
            let clients = (0..<3).map { _ in RawClient(hosted.port) }
            for client in clients {
                client.send("GET /a HTTP/1.1\r\n\(host)\r\n")
                #expect(await client.read(until: "]").hasSuffix("[GET /a ]"))
            }
            #expect(await RawClient(hosted.port).read().isEmpty)
            clients[0].send("GET /b HTTP/1.1\r\n\(host)\r\n")
            #expect(await clients[0].read(until: "]").hasSuffix("[GET /b ]"))
            #expect(hosted.server.counters.connectionsRefused.load(ordering: .relaxed) == 1)
        }
    }

    @Test("requests beyond an address's rate get 429 and reach nobody")
    func rate() async throws {
        try await Hosted.run({ limits in
            limits.countsLoopback = true
            limits.requestsPerSecond = 0.001
            limits.burst = 3
        }) { hosted in
            let client = RawClient(hosted.port)
            for number in 0..<6 {
                client.send("GET /\(number) HTTP/1.1\r\n\(host)\r\n")
                let answer = await client.read(until: number < 3 ? "]" : "requests\n")
                #expect(answer.hasPrefix(number < 3 ? "HTTP/1.1 200" : "HTTP/1.1 429"))
                if number >= 3 { #expect(answer.contains("retry-after: 1")) }
            }
            #expect(hosted.seen.all.count == 3)
        }
    }

    @Test("a client that waits for leave to send its body gets it, once")
    func continues() async throws {
        try await Hosted.run { hosted in
            let client = RawClient(hosted.port)
            client.send("POST /a HTTP/1.1\r\n\(host)Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            #expect(await client.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            client.send("h")
            client.send("i")
            #expect(await client.read(until: "]").hasSuffix("[POST /a hi]"))
        }
    }

    @Test("what is too large is answered so that the client can read it")
    func tooLarge() async throws {
        try await Hosted.run { hosted in
            let client = RawClient(hosted.port)
            client.send(
                "POST /a HTTP/1.1\r\n\(host)Content-Length: 100000\r\n\r\n\(String(repeating: "x", count: 50_000))"
            )
            #expect(await client.read().hasPrefix("HTTP/1.1 413"))
            #expect(hosted.seen.all.isEmpty)
        }
    }

    @Test("a server that is told to stop answers what it has begun and takes nothing more")
    func stops() async throws {
        try await Hosted.run { hosted in
            let client = RawClient(hosted.port)
            client.send("GET /a HTTP/1.1\r\n\(host)\r\n")
            _ = await client.read(until: "]")
            await hosted.server.stop()
            #expect(await client.read().isEmpty)
            #expect(hosted.server.connections == 0)
        }
    }
}

extension String {
    fileprivate func components(of text: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: text) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
