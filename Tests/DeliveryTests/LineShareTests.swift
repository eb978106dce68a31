import Testing

@testable import Delivery

@Suite("Connections that all jobs of a route share")
struct LineShareTests {
    /// Plays members that want so many each and obey at once; how many each has in the end.
    private func settle(_ share: inout LineShare, _ first: [LineShare.Action]) -> [Int: Int] {
        var actions = first
        while !actions.isEmpty {
            switch actions.removeFirst() {
            case .grant(let member): held[member, default: 0] += 1
            case .giveUp(let member):
                held[member, default: 0] -= 1
                actions += share.release(member)
                actions += share.request(member)
            }
            #expect(share.inUse <= share.maximum)
        }
        return held
    }

    private final class Box { var held: [Int: Int] = [:] }
    private let box = Box()
    private var held: [Int: Int] {
        get { box.held }
        nonmutating set { box.held = newValue }
    }

    @Test("The first takes all; one that comes later gets its share, one connection after the other")
    func later() {
        var share = LineShare(4)
        for _ in 0..<4 { same(settle(&share, share.request(1))[1] != nil, true) }
        same(held, [1: 4])
        same(settle(&share, share.request(2)), [1: 3, 2: 1])
        same(settle(&share, share.request(2)), [1: 2, 2: 2])
        same(settle(&share, share.request(2)), [1: 2, 2: 2])
        same(settle(&share, share.request(3)), [1: 1, 2: 2, 3: 1])
    }

    @Test("Who holds most gives one up, once, however often others ask meanwhile")
    func once() {
        var share = LineShare(4)
        for _ in 0..<4 { _ = share.request(1) }
        same(share.request(2), [.giveUp(1)])
        same(share.request(1), [])
        same(share.quicken(), [])
        same(share.release(1), [.grant(2)])
    }

    @Test("A freed one goes to who has least, not to who asked first")
    func neediest() {
        var share = LineShare(2)
        _ = share.request(1)
        _ = share.request(1)
        same(share.request(1), [])
        same(share.request(2), [.giveUp(1)])
        same(share.release(1), [.grant(2)])
        same(share.release(2), [.grant(1)])
    }

    @Test("More jobs than connections: the last ones wait until one is free")
    func tooMany() {
        var share = LineShare(2)
        _ = share.request(1)
        _ = share.request(2)
        same(share.request(3), [])
        same(share.release(2), [.grant(3)])
    }

    @Test("Who leaves waits for nothing; what it still holds counts until it is closed")
    func leaves() {
        var share = LineShare(2)
        _ = share.request(1)
        _ = share.request(1)
        _ = share.request(1)
        same(share.leave(1), [])
        same(share.request(2), [])
        same(share.release(1), [.grant(2)])
        same(share.release(1), [])
        same(share.inUse, 1)
        same(share.release(1), [])
    }

    @Test("Slowed, half of those in use are enough; each step back brings one more")
    func slowed() {
        var share = LineShare(8)
        for _ in 0..<6 { _ = share.request(1) }
        same(share.slowDown(), [.giveUp(1), .giveUp(1), .giveUp(1)])
        same(share.allowed, 3)
        same(share.request(1), [])
        for _ in 0..<3 { same(share.release(1), []) }
        same(share.quicken(), [.grant(1)])
        same(share.slowDown(), [.giveUp(1), .giveUp(1)])
        same(share.slowDown(), [.giveUp(1)])
        same(share.allowed, 1)
        same(share.slowDown(), [])
        same(share.restore(), [])
        same(share.allowed, 8)
    }

    @Test("Whatever happens, no more are in use than there are, and nobody waits while one is free")
    func property() {
        for seed in 1...50 as ClosedRange<UInt64> {
            var random = Walk(state: seed)
            var share = LineShare(1 + random.below(6))
            var held: [Int: Int] = [:]
            var asked: [Int: Int] = [:]
            for _ in 0..<400 {
                let member = random.below(4)
                var actions: [LineShare.Action] = []
                switch random.below(10) {
                case 0: actions = share.slowDown()
                case 1: actions = share.quicken()
                case 2...5:
                    asked[member, default: 0] += 1
                    actions = share.request(member)
                default:
                    guard held[member, default: 0] > 0 else { continue }
                    held[member, default: 0] -= 1
                    actions = share.release(member)
                }
                for case .grant(let member) in actions {
                    held[member, default: 0] += 1
                    asked[member, default: 0] -= 1
                }
                let total = held.values.reduce(0, +)
                #expect(total == share.inUse && total <= share.maximum)
                if total < share.allowed { #expect(asked.values.allSatisfy { $0 == 0 }) }
            }
        }
    }
}
