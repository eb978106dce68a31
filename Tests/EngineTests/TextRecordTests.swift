import Core
import Foundation
import Glibc
import Intake
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// A name server on loopback that knows TXT records, until it goes.
private final class NameServer: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let isOver = Mutex(false)

    /// Starts a server with records by name; a name that is not among them does not exist.
    init(_ records: [String: [[String]]]) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Looks around four times a second whether it is over.
        var patience = timeval(tv_sec: 0, tv_usec: 250_000)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = unsafe bind(descriptor, pointer, length)
                _ = unsafe getsockname(descriptor, pointer, &length)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        self.descriptor = descriptor
        let thread = Thread { [weak self] in
            var query = [UInt8](repeating: 0, count: 2_000)
            while let self, !self.isOver.withLock({ $0 }) {
                var from = sockaddr_in()
                var size = socklen_t(MemoryLayout<sockaddr_in>.size)
                unsafe withUnsafeMutablePointer(to: &from) { pointer in
                    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                        let count = unsafe recvfrom(descriptor, &query, query.count, 0, pointer, &size)
                        guard count > 12 else { return }
                        let answer = Self.answer(Array(query.prefix(count)), records)
                        _ = unsafe sendto(descriptor, answer, answer.count, 0, pointer, size)
                    }
                }
            }
            close(descriptor)
        }
        thread.start()
    }

    func stop() { isOver.withLock { $0 = true } }

    static func answer(_ query: [UInt8], _ records: [String: [[String]]]) -> [UInt8] {
        var labels: [String] = []
        var index = 12
        while query[index] != 0 {
            labels.append(String(decoding: query[(index + 1)...(index + Int(query[index]))], as: UTF8.self))
            index += Int(query[index]) + 1
        }
        let found = records[labels.joined(separator: ".")]
        let count = UInt8(found?.count ?? 0)
        var answer = Array(query[0..<2]) + [0x81, found == nil ? 0x83 : 0x80, 0, 1, 0, count, 0, 0, 0, 0]
        answer += query[12..<(index + 5)]
        for strings in found ?? [] {
            let data = strings.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            answer += [0xC0, 12, 0, 16, 0, 1, 0, 0, 0, 60, UInt8(data.count >> 8), UInt8(data.count & 255)] + data
        }
        return answer
    }
}

/// Looking up what is published.
@Suite(.timeLimit(.minutes(1))) struct TextRecordTests {
    @Test("TXT records come with their strings joined, and none where the name is not there or has none")
    func lookUp() throws {
        let long = String(repeating: "a", count: 255)
        let server = try NameServer(["one.test": [[long, "b"]], "two.test": [["x"], ["y", ""]], "none.test": []])
        defer { server.stop() }
        let place = TextRecords.Server(address: 0x7F00_0001, port: server.port)
        #expect(try TextRecords.lookUp("one.test", at: place) == [long + "b"])
        #expect(try TextRecords.lookUp("two.test", at: place) == ["x", "y"])
        #expect(try TextRecords.lookUp("none.test", at: place).isEmpty)
        #expect(try TextRecords.lookUp("nowhere.test", at: place).isEmpty)
    }

    @Test("An answer that is cut off anywhere is none")
    func cut() {
        let query: [UInt8] = [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0x6F, 0x6E, 0x65, 0, 0, 16, 0, 1]
        let whole = NameServer.answer(query, ["one": [["abc", "de"]]])
        #expect(TextRecords.texts(in: whole[...]) == ["abcde"])
        for count in 0..<whole.count { #expect(TextRecords.texts(in: whole.prefix(count)) == nil, "\(count)") }
    }

    @Test("A key is published if its record is there, however it is spaced; another key or a second record is told")
    func publication() throws {
        let text = "v=DKIM1; k=ed25519; p=AAAA"
        #expect(DKIMSetup.Publication(of: text, in: [text]) == .published)
        #expect(DKIMSetup.Publication(of: text, in: ["v=DKIM1;k=ed25519;t=s;p=AA AA;"]) == .published)
        #expect(DKIMSetup.Publication(of: text, in: []) == .missing)
        #expect(DKIMSetup.Publication(of: text, in: ["v=DKIM1; k=ed25519; p=BBBB"]) == .different)
        #expect(DKIMSetup.Publication(of: text, in: ["v=DKIM1; p=AAAA"]) == .different)
        #expect(DKIMSetup.Publication(of: text, in: [text, "v=DKIM1; k=ed25519; p="]) == .different)
        #expect(DKIMSetup.Publication(of: "v=DKIM1; k=rsa; p=AAAA", in: ["p=AAAA"]) == .published)
    }

    @Test("What is published is compared with the keys that are there; nothing is made")
    func check() async throws {
        let bench = try await Bench(more: "dkim:\n  riverside.example: {selector: wp}")
        let made = try DKIMSetup(site: bench.site).make(domain: "riverside.example")
        let records = [made.records[0].name: [made.records[0].text]]
        let setup = DKIMSetup(site: bench.site) { name throws(TextRecords.Failed) in
            if name.hasPrefix("wp-ed25519") { throw TextRecords.Failed() }
            return records[name] ?? []
        }
        #expect(try setup.check(domain: "riverside.example").records.map(\.publication) == [.published, .unknown])
        #expect(throws: EngineError.self) { try setup.check(domain: "riverside.example", selector: "other") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.scratch.path("keys/dkim")).count == 2)
    }
}
