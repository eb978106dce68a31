import Testing

@testable import Web

@Suite("What one address may take")
struct PeerTests {
    private static let second: UInt64 = 1_000_000_000

    private func table(_ change: (inout WebLimits) -> Void = { _ in }) -> PeerTable {
        var limits = WebLimits()
        limits.requestsPerSecond = 10
        limits.burst = 5
        limits.connectionsPerAddress = 2
        change(&limits)
        return PeerTable(limits)
    }

    @Test("a burst is let through, then the rate counts")
    func bucket() throws {
        let peer = try #require(table().enter(WebAddress(ipv4: 1), now: 0))
        let burst = (0..<20).count { _ in peer.takesRequest(now: 0) }
        #expect(burst == 5)
        let next = (0..<20).count { _ in peer.takesRequest(now: Self.second / 2) }
        #expect(next == 5)
        // A clock that goes back gives nothing.
        #expect(!peer.takesRequest(now: 0))
        let later = (0..<20).count { _ in peer.takesRequest(now: 100 * Self.second) }
        #expect(later == 5)
    }

    @Test("connections of one address share a bucket, those of others do not")
    func shared() throws {
        let table = table()
        let one = try #require(table.enter(WebAddress(ipv4: 1), now: 0))
        let two = try #require(table.enter(WebAddress(ipv4: 1), now: 0))
        let other = try #require(table.enter(WebAddress(ipv4: 2), now: 0))
        for _ in 0..<5 { #expect(one.takesRequest(now: 0)) }
        #expect(!two.takesRequest(now: 0))
        #expect(other.takesRequest(now: 0))
    }

    @Test("going away and coming back does not fill a bucket")
    func reconnecting() throws {
        let table = table()
        for index in 0..<10 {
            let peer = try #require(table.enter(WebAddress(ipv4: 1), now: 0))
            #expect(peer.takesRequest(now: 0) == (index < 5))
            table.leave(peer)
        }
    }

    @Test("connections are limited for one address and in all")
    func connections() throws {
        let table = table { $0.connections = 3 }
        let first = try #require(table.enter(WebAddress(ipv4: 1), now: 0))
        #expect(table.enter(WebAddress(ipv4: 1), now: 0) != nil)
        #expect(table.enter(WebAddress(ipv4: 1), now: 0) == nil)
        #expect(table.enter(WebAddress(ipv4: 2), now: 0) != nil)
        #expect(table.enter(WebAddress(ipv4: 3), now: 0) == nil)
        table.leave(first)
        #expect(table.enter(WebAddress(ipv4: 3), now: 0) != nil)
        #expect(table.connections == 3)
    }

    @Test("this machine itself is not counted unless it is asked for")
    func loopback() throws {
        let free = table()
        let peer = try #require(free.enter(.loopback, now: 0))
        for _ in 0..<100 { #expect(peer.takesRequest(now: 0)) }
        for _ in 0..<100 { #expect(free.enter(.loopback, now: 0) != nil) }
        let counted = table { $0.countsLoopback = true }
        #expect(counted.enter(.loopback, now: 0) != nil)
        #expect(counted.enter(.loopback, now: 0) != nil)
        #expect(counted.enter(.loopback, now: 0) == nil)
    }

    @Test("however many addresses come, so many are remembered and no more")
    func bounded() throws {
        let table = table { $0.addresses = 2_000 }
        let held = try #require(table.enter(WebAddress(ipv4: 7), now: 0))
        for number in 100..<50_000 as Range<UInt32> {
            guard let peer = table.enter(WebAddress(ipv4: number), now: 0) else { continue }
            // Nobody is at rest: each has taken something in this very moment.
            _ = peer.takesRequest(now: 0)
            table.leave(peer)
        }
        #expect(table.count <= 2_000)
        for _ in 0..<5 { #expect(held.takesRequest(now: 0)) }
        let again = try #require(table.enter(WebAddress(ipv4: 7), now: 0))
        #expect(!again.takesRequest(now: 0), "who is connected is not forgotten")
    }
}
