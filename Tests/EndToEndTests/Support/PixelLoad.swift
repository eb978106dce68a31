import Core
import Foundation
import Glibc
import OpenSSL
import Synchronization
import Tracking

/// Threads that fetch pixels over TLS, each for another row, one request at a time on each connection, and note which were
/// answered.
final class PixelLoad: Sendable {
    private struct State {
        var isStopped = false
        var running = 0
        var answered: [UInt32] = []
        /// The first answer that was no picture.
        var wrong: String?
    }

    static let job = JobID(digest: Array(1...10))
    private let port: Int
    private let tls: TLSContext
    private let tokens: TrackingTokens
    private let next = Atomic<UInt32>(1)
    private let state = Mutex(State())

    init(port: Int, root: String, keys: TokenKeys, connections: Int) throws {
        self.port = port
        tls = try TLSContext(trust: .pem(Array(Data(contentsOf: URL(fileURLWithPath: root)))))
        guard let base = BaseURL("https://localhost:\(port)") else { throw Program.Failure(description: "no base URL") }
        tokens = TrackingTokens(
            baseURL: base,
            keys: keys,
            tagger: AddressTagger(key: SecretBytes(copying: Array(repeating: 1, count: 32)))
        )
        state.withLock { $0.running = connections }
        for _ in 0..<connections {
            Thread.detachNewThread { [self] in
                while !state.withLock({ $0.isStopped }) {
                    connect()
                    usleep(2_000)
                }
                state.withLock { $0.running -= 1 }
            }
        }
    }

    /// How many requests were answered with the picture.
    var count: Int { state.withLock { $0.answered.count } }
    /// The rows whose requests were answered with the picture.
    var answered: [UInt32] { state.withLock { $0.answered } }
    /// The first answer that was no picture.
    var wrong: String? { state.withLock { $0.wrong } }
    /// How many requests were begun.
    var begun: UInt32 { next.load(ordering: .relaxed) - 1 }

    /// Ends all threads.
    func stop() async throws {
        state.withLock { $0.isStopped = true }
        try await eventually("the load ends") { state.withLock { $0.running } == 0 }
    }

    /// Fetches pixels on one connection until it breaks.
    private func connect() {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, size)
            }
        }
        guard status == 0, let engine = try? TLSEngine(tls, serverName: "localhost") else { return }
        do {
            while try engine.handshake() == .needsInput {
                guard exchange(engine, descriptor) else { return }
            }
            while !state.withLock({ $0.isStopped }) {
                let row = next.wrappingAdd(1, ordering: .relaxed).oldValue
                try engine.write(request(row))
                var answer: [UInt8] = []
                while !Self.isWhole(answer) {
                    guard exchange(engine, descriptor) else { return }
                    answer += try engine.readPlaintext().bytes
                }
                note(row, answer)
            }
        } catch {
            return
        }
    }

    private func request(_ row: UInt32) -> [UInt8] {
        var url: [UInt8] = []
        if let job = Self.job { tokens.appendOpenURL(job: job, row: RowNumber(row), to: &url) }
        let path = String(decoding: url.dropFirst("https://localhost:\(port)".utf8.count), as: UTF8.self)
        return Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Load/1\r\n\r\n".utf8)
    }

    private func note(_ row: UInt32, _ answer: [UInt8]) {
        let text = String(decoding: answer, as: UTF8.self)
        state.withLock { state in
            if text.hasPrefix("HTTP/1.1 200 ") {
                state.answered.append(row)
            } else if state.wrong == nil {
                state.wrong = text
            }
        }
    }

    /// Whether an answer has come to its end.
    private static func isWhole(_ answer: [UInt8]) -> Bool {
        let text = String(decoding: answer, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n"),
            let length = text[..<end.lowerBound].firstMatch(of: /content-length: (\d+)/).flatMap({ Int($0.1) })
        else { return false }
        let head = text[..<end.upperBound].utf8.count
        return answer.count >= head + length
    }

    /// Sends what waits and takes what comes; `false` at the connection's end.
    private func exchange(_ engine: TLSEngine, _ descriptor: Int32) -> Bool {
        let output = engine.takeOutput()
        if !output.isEmpty {
            let sent = unsafe send(descriptor, output, output.count, Int32(MSG_NOSIGNAL))
            guard sent == output.count else { return false }
        }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        engine.receive(Array(buffer[..<count]))
        return true
    }
}
