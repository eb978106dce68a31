/// Who holds how many of a route's connections: all jobs together no more than the route may have, and each its share.
///
/// Pure. Whoever wants one and finds none free waits; who has least comes first. Who holds most gives one up for them, as long as that
/// makes it fairer. While the route is slowed there are fewer; each step back brings one more.
struct LineShare {
    typealias Member = Int

    /// What is to be done.
    enum Action: Hashable {
        /// The member has one more.
        case grant(Member)
        /// The member should let one go when its message is done.
        case giveUp(Member)
    }

    private struct Holding {
        var lines = 0
        /// Of these, how many were asked back.
        var leaving = 0
        /// Whether it only waits for its last ones to close.
        var isGone = false

        /// How many it has and may keep.
        var kept: Int { lines - leaving }
    }

    /// How many there are.
    let maximum: Int
    /// How many there are right now.
    private(set) var allowed: Int
    private var holdings: [Member: Holding] = [:]
    private var queue: [Member] = []
    private var total = 0
    private var leaving = 0

    init(_ maximum: Int) {
        self.maximum = max(1, maximum)
        allowed = self.maximum
    }

    /// A member wants one more.
    mutating func request(_ member: Member) -> [Action] {
        if holdings[member] == nil { holdings[member] = Holding() }
        queue.append(member)
        return serve()
    }

    /// A member has let one go.
    mutating func release(_ member: Member) -> [Action] {
        guard var holding = holdings[member], holding.lines > 0 else { return [] }
        holding.lines -= 1
        total -= 1
        if holding.leaving > 0 {
            holding.leaving -= 1
            leaving -= 1
        }
        holdings[member] = holding.isGone && holding.lines == 0 ? nil : holding
        return serve()
    }

    /// A member wants no more than it has.
    mutating func withdraw(_ member: Member) {
        queue.removeAll { $0 == member }
    }

    /// A member wants no more, and lets go of what it holds as soon as that is closed.
    mutating func leave(_ member: Member) -> [Action] {
        withdraw(member)
        guard var holding = holdings[member] else { return [] }
        leaving += holding.lines - holding.leaving
        holding.leaving = holding.lines
        holding.isGone = true
        holdings[member] = holding.lines == 0 ? nil : holding
        return serve()
    }

    /// The route is slowed: half of those in use are enough.
    mutating func slowDown() -> [Action] {
        allowed = max(1, min(allowed, total + 1) / 2)
        return serve()
    }

    /// One more, up to the maximum.
    mutating func quicken() -> [Action] {
        allowed = min(maximum, allowed + 1)
        return serve()
    }

    /// As many as ever.
    mutating func restore() -> [Action] {
        allowed = maximum
        return serve()
    }

    /// How many are in use.
    var inUse: Int { total }

    private mutating func serve() -> [Action] {
        var actions: [Action] = []
        while total < allowed, let place = neediest(queue, holdings.mapValues(\.kept)) {
            let member = queue.remove(at: place)
            holdings[member]?.lines += 1
            total += 1
            actions.append(.grant(member))
        }
        var kept = holdings.mapValues(\.kept)
        while total - leaving > allowed, let most = holder(kept) { actions.append(askBack(most, &kept)) }
        // Those who wait get what is leaving first; for more, it must make things fairer.
        var waiting = queue
        for _ in 0..<max(0, allowed - total + leaving) {
            guard let place = neediest(waiting, kept) else { return actions }
            kept[waiting.remove(at: place), default: 0] += 1
        }
        while let place = neediest(waiting, kept), let most = holder(kept) {
            let member = waiting.remove(at: place)
            guard kept[most, default: 0] >= kept[member, default: 0] + 2 else { break }
            actions.append(askBack(most, &kept))
            kept[member, default: 0] += 1
        }
        return actions
    }

    /// Who waits and has least; of several, who came first.
    private func neediest(_ waiting: [Member], _ kept: [Member: Int]) -> Int? {
        waiting.indices.min { (kept[waiting[$0], default: 0], $0) < (kept[waiting[$1], default: 0], $1) }
    }

    /// Who has most that it could give up; of several, who came first.
    private func holder(_ kept: [Member: Int]) -> Member? {
        kept.filter { holdings[$0.key].map { $0.kept > 0 } ?? false }
            .max { ($0.value, $1.key) < ($1.value, $0.key) }?
            .key
    }

    private mutating func askBack(_ member: Member, _ kept: inout [Member: Int]) -> Action {
        holdings[member]?.leaving += 1
        leaving += 1
        kept[member, default: 0] -= 1
        return .giveUp(member)
    }
}
