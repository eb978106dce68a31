import OpenSSL
import Synchronization

/// How often something may be done: so many times an hour from one network address, and so many in all.
///
/// Each has a bucket that holds an hour's worth and fills evenly. The table is bounded: when it is full of addresses that were
/// active in the last hour, the others share one bucket. Addresses are kept as keyed hashes, in memory only.
final class VisitorRates: Sendable {
    /// The most addresses that are told apart.
    static let capacity = 16_384

    private struct Bucket {
        var level: Double
        var at: ContinuousClock.Instant
    }

    private struct State {
        var visitors: [UInt64: Bucket] = [:]
        var all: Bucket?
        /// When the table was last looked through for addresses that may be forgotten.
        var swept: ContinuousClock.Instant?
    }

    private let perVisitor: Double
    private let inAll: Double
    private let key = HMACSHA256(key: SecretBytes(random: 32))
    private let state = Mutex(State())

    /// Sets the limits for an hour.
    init(perVisitor: Int, inAll: Int) {
        self.perVisitor = Double(perVisitor)
        self.inAll = Double(inAll)
    }

    /// Counts one more, if that is within the limits.
    func admits(_ visitor: [UInt8], at now: ContinuousClock.Instant = .now) -> Bool {
        let name: UInt64 = bigEndian(key.tag(of: Self.network(visitor))[..<8])
        return state.withLock { state in
            let slot = slot(name, now, &state)
            var bucket = Self.filled(state.visitors[slot], perVisitor, now)
            var all = Self.filled(state.all, inAll, now)
            let isWithin = bucket.level >= 1 && all.level >= 1
            if isWithin {
                bucket.level -= 1
                all.level -= 1
            }
            state.visitors[slot] = bucket
            state.all = all
            return isWithin
        }
    }

    /// How many addresses are told apart now.
    var count: Int {
        state.withLock { $0.visitors.count }
    }

    /// Where an address is counted: by itself, or with the others that find no room.
    private func slot(_ name: UInt64, _ now: ContinuousClock.Instant, _ state: inout State) -> UInt64 {
        if state.visitors[name] != nil || state.visitors.count < Self.capacity { return name }
        // Looking through the table for each stranger would be a gift to whoever sends many.
        if state.swept.map({ now - $0 >= .seconds(60) }) ?? true {
            state.swept = now
            state.visitors = state.visitors.filter { Self.filled($0.value, perVisitor, now).level < perVisitor }
        }
        return state.visitors.count < Self.capacity ? name : 0
    }

    private static func filled(_ bucket: Bucket?, _ size: Double, _ now: ContinuousClock.Instant) -> Bucket {
        guard let bucket else { return Bucket(level: size, at: now) }
        let hours = (now - bucket.at) / .seconds(3_600)
        return Bucket(level: min(size, bucket.level + max(0, hours) * size), at: max(now, bucket.at))
    }

    /// An IPv4 address as it is; of an IPv6 address the half that a provider gives to one customer.
    private static func network(_ visitor: [UInt8]) -> [UInt8] {
        guard visitor.count == 16 else { return visitor }
        // ::ffff:a.b.c.d
        if visitor[..<10].allSatisfy({ $0 == 0 }), visitor[10] == 0xFF, visitor[11] == 0xFF {
            return Array(visitor[12...])
        }
        return Array(visitor[..<8])
    }
}
