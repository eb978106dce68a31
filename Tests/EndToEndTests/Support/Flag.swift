import Synchronization

/// Something that comes to be true.
final class Flag: Sendable {
    private let box = Atomic(false)

    /// Whether it is.
    var value: Bool { box.load(ordering: .acquiring) }

    /// Makes it true.
    func set() {
        box.store(true, ordering: .releasing)
    }
}
