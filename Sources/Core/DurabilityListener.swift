/// Who is told what has become durable: once for all that one sync covered, since news carried from thread to thread one by one costs more
/// than what it is about.
public protocol DurabilityListener: AnyObject, Sendable {
    /// What these numbers stand for is durable, or will never be.
    ///
    /// Called on any thread, so it must be quick and must not wait for whoever calls.
    func settled(_ numbers: [UInt64], isDurable: Bool)
}

/// The promise to tell a listener, exactly once, whether something has become durable.
public struct DurabilityPromise: Sendable {
    /// Who is to be told.
    public let listener: any DurabilityListener
    /// What the listener knows it by.
    public let number: UInt64

    /// Promises to tell a listener.
    public init(_ listener: any DurabilityListener, number: UInt64) {
        self.listener = listener
        self.number = number
    }

    /// Promises to call a closure.
    public init(_ body: @escaping @Sendable (_ isDurable: Bool) -> Void) {
        self.init(Call(body), number: 0)
    }

    /// Keeps the promise.
    public func callAsFunction(_ isDurable: Bool) {
        listener.settled([number], isDurable: isDurable)
    }

    private final class Call: DurabilityListener {
        private let body: @Sendable (Bool) -> Void

        init(_ body: @escaping @Sendable (Bool) -> Void) {
            self.body = body
        }

        func settled(_ numbers: [UInt64], isDurable: Bool) {
            for _ in numbers { body(isDurable) }
        }
    }
}

extension [DurabilityPromise] {
    /// Keeps all of them, with one call for each of a few listeners: each hears its own in order, and nobody hears of one before the
    /// listener that had an earlier one first.
    public func keep(_ isDurable: Bool) {
        var bundles: [(listener: any DurabilityListener, numbers: [UInt64])] = []
        for promise in self {
            // Closures are listeners of their own: there may be many, and they are not looked through.
            if let place = bundles.suffix(8).lastIndex(where: { $0.listener === promise.listener }) {
                bundles[place].numbers.append(promise.number)
            } else {
                bundles.append((promise.listener, [promise.number]))
            }
        }
        for bundle in bundles { bundle.listener.settled(bundle.numbers, isDurable: isDurable) }
    }
}
