import NIOCore
import NIOEmbedded
import Testing

@testable import Web

/// A connection of HTTP/2 without a network, spoken to in frames.
private final class Frames {
    let channel = EmbeddedChannel()
    let loop: LoopState
    private(set) var requests: [String] = []

    private final class Responder: WebResponder {
        var requests: [String] = []
        var held: [any WebExchange] = []

        func respond(to request: WebRequest, _ exchange: any WebExchange) {
            let path = String(decoding: request.path, as: UTF8.self)
            requests.append(
                "\(request.methodName) \(request.host) \(path) \(String(decoding: request.body, as: UTF8.self))"
            )
            if path == "/hold" {
                held.append(exchange)
            } else {
                exchange.answer(WebAnswer(200, body: Array("ok".utf8)))
            }
        }
    }

    private let responder = Responder()

    init(_ change: (inout WebLimits) -> Void = { _ in }) throws {
        var limits = WebLimits()
        change(&limits)
        loop = LoopState(channel.eventLoop, limits, WebCounters(), [responder])
        let peers = PeerTable(limits)
        let peer = try #require(peers.enter(WebAddress(ipv4: 0x0A00_0001), now: 0))
        try channel.pipeline.syncOperations.speakHTTP2(loop, responder, peer, WebAddress(ipv4: 0x0A00_0001), channel)
        try channel.connect(to: SocketAddress(ipAddress: "10.0.0.1", port: 1)).wait()
        send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
        // An empty SETTINGS frame.
        send(frame(4, 0, 0, []))
    }

    var seen: [String] { responder.requests }

    func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let count = UInt32(payload.count)
        var head: [UInt8] = [UInt8(count >> 16 & 0xFF), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF), kind, flags]
        for shift in [24, 16, 8, 0] as [UInt32] { head.append(UInt8(truncatingIfNeeded: stream >> shift)) }
        return head + payload
    }

    /// Fields without compression: `:method`, `:scheme`, `:path`, `:authority` and more.
    func fields(_ method: String = "GET", _ path: String = "/a", more: [(String, String)] = []) -> [UInt8] {
        let all = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "T.clinic.example:8443")]
        var bytes: [UInt8] = []
        for (name, value) in all + more {
            bytes.append(0x10)
            for text in [name, value] {
                bytes.append(UInt8(text.utf8.count))
                bytes += Array(text.utf8)
            }
        }
        return bytes
    }

    func send(_ bytes: [UInt8]) {
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
        channel.embeddedEventLoop.run()
    }

    /// The kinds of frames that came back, in order, and whether the connection is over.
    func received() throws -> [UInt8] {
        var all: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { all += Array(buffer.readableBytesView) }
        var kinds: [UInt8] = []
        var rest = all[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            kinds.append(head[3])
            let count = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            rest = rest.dropFirst(9 + count)
        }
        return kinds
    }
}

@Suite("Connections of HTTP/2")
struct HTTP2Tests {
    @Test("requests are answered, with a body and without")
    func requests() throws {
        let frames = try Frames()
        frames.send(frames.frame(1, 0x5, 1, frames.fields()))
        frames.send(frames.frame(1, 0x4, 3, frames.fields("POST", "/b?x=1")))
        frames.send(frames.frame(0, 0x1, 3, Array("hi".utf8)))
        frames.send(frames.frame(1, 0x5, 5, frames.fields("HEAD", "/c")))
        #expect(
            frames.seen == ["GET t.clinic.example /a ", "POST t.clinic.example /b hi", "HEAD t.clinic.example /c "]
        )
        let kinds = try frames.received()
        #expect(kinds.count { $0 == 1 } == 3)
        #expect(kinds.count { $0 == 0 } == 2, "HEAD has no body")
        #expect(frames.channel.isActive)
    }

    @Test("streams that are reset again and again end the connection (rapid reset)")
    func rapidReset() throws {
        let frames = try Frames()
        var stream: UInt32 = 1
        while frames.channel.isActive, stream < 4_000 {
            frames.send(frames.frame(1, 0x5, stream, frames.fields("GET", "/hold")))
            frames.send(frames.frame(3, 0, stream, [0, 0, 0, 8]))
            stream += 2
        }
        #expect(!frames.channel.isActive)
        #expect(stream < 1_000, "after some hundred")
    }

    @Test("header fields over endless frames end the connection (continuation flood)")
    func continuations() throws {
        let frames = try Frames()
        frames.send(frames.frame(1, 0x1, 1, frames.fields()))
        var count = 0
        while frames.channel.isActive, count < 1_000 {
            frames.send(frames.frame(9, 0, 1, frames.fields(more: [])))
            count += 1
        }
        #expect(!frames.channel.isActive)
        #expect(count < 20)
        #expect(frames.seen.isEmpty)
    }

    @Test(
        "control frames without end, empty data without end, and more streams than allowed end the connection or the stream"
    )
    func floods() throws {
        let floods: [(kind: UInt8, stream: UInt32, payload: [UInt8])] = [
            (6, 0, [UInt8](repeating: 0, count: 8)), (4, 0, []), (2, 1, [0, 0, 0, 0, 1]),
        ]
        for flood in floods {
            let frames = try Frames()
            frames.send(frames.frame(1, 0x4, 1, frames.fields("POST", "/hold")))
            var count = 0
            while frames.channel.isActive, count < 20_000 {
                frames.send(frames.frame(flood.kind, 0, flood.stream, flood.payload))
                count += 1
            }
            #expect(!frames.channel.isActive)
        }
        let many = try Frames { $0.streams = 10 }
        for stream in 0..<20 as Range<UInt32> {
            many.send(many.frame(1, 0x5, stream * 2 + 1, many.fields("GET", "/hold")))
        }
        #expect(many.seen.count <= 10)
    }

    @Test("a request that does not come to its end is cut, and so is a connection without one")
    func slow() throws {
        let frames = try Frames { limits in
            limits.requestSeconds = 3
            limits.idleSeconds = 5
        }
        frames.send(frames.frame(1, 0x4, 1, frames.fields("POST")))
        for _ in 0..<3 { frames.loop.tick() }
        frames.send(frames.frame(0, 0, 1, [1]))
        #expect(try !frames.received().contains(3))
        frames.loop.tick()
        frames.channel.embeddedEventLoop.run()
        #expect(try frames.received().contains(3), "the stream is reset")
        #expect(frames.channel.isActive)
        for _ in 0..<7 { frames.loop.tick() }
        frames.channel.embeddedEventLoop.run()
        #expect(!frames.channel.isActive)
        #expect(frames.seen.isEmpty)
    }

    @Test("what is larger than is taken, or is no request, reaches nobody")
    func refused() throws {
        let frames = try Frames()
        frames.send(frames.frame(1, 0x4, 1, frames.fields("POST")))
        for _ in 0..<5 { frames.send(frames.frame(0, 0, 1, [UInt8](repeating: 0, count: 4_096))) }
        frames.send(frames.frame(1, 0x5, 3, frames.fields("GET", "/a\u{1}b")))
        frames.send(frames.frame(1, 0x5, 5, frames.fields("GET", "http://x/")))
        frames.send(frames.frame(1, 0x5, 7, frames.fields(more: [("x", "a\rb")])))
        frames.send(frames.frame(1, 0x5, 9, frames.fields(more: (0..<120).map { ("x\($0)", "y") })))
        #expect(frames.seen.isEmpty)
    }
}
