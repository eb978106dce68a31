/// A bounded memory for what was used lately.
///
/// It has two generations: when the younger one is full it becomes the older one, and what the older one held and nobody
/// asked for is gone. No bookkeeping per use.
struct GenerationCache<Value> {
    private let limit: Int
    private var young: [String: (value: Value, cost: Int)] = [:]
    private var old: [String: (value: Value, cost: Int)] = [:]
    private var cost = 0

    /// Keeps at most twice this cost in all.
    init(limit: Int) {
        self.limit = limit
    }

    mutating func value(for key: String) -> Value? {
        if let found = young[key] { return found.value }
        guard let found = old[key] else { return nil }
        insert(found.value, for: key, cost: found.cost)
        return found.value
    }

    mutating func insert(_ value: Value, for key: String, cost added: Int) {
        guard added <= limit else { return }
        if cost + added > limit {
            old = young
            young = [:]
            cost = 0
        }
        cost += added - (young.updateValue((value, added), forKey: key)?.cost ?? 0)
    }
}
