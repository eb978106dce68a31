import Core
import NIOCore
import Synchronization

/// What the ledger says of the messages of one event loop's connections.
///
/// All that one sync made durable comes over to the loop in one piece: the first of it wakes the loop, which then takes what is there.
final class LedgerNews: DurabilityListener {
    private struct Item {
        var number: UInt64
        var isDurable: Bool
    }

    private let loop: any EventLoop
    private let arrived = Mutex<[Item]>([])
    /// The connections that are open, by their number.
    private let handlers: NIOLoopBoundBox<[UInt32: SessionHandler]>

    init(_ loop: any EventLoop) {
        self.loop = loop
        handlers = NIOLoopBoundBox.makeBoxSendingValue([:], eventLoop: loop)
    }

    /// A connection is open.
    func add(_ handler: SessionHandler) {
        handlers.value[UInt32(truncatingIfNeeded: handler.id)] = handler
    }

    /// A connection is gone; news of its messages is for nobody.
    func remove(_ handler: SessionHandler) {
        handlers.value[UInt32(truncatingIfNeeded: handler.id)] = nil
    }

    /// The promise to tell a connection of one of its messages, which it knows by a number.
    func promise(_ handler: SessionHandler, _ message: UInt32) -> DurabilityPromise {
        DurabilityPromise(self, number: UInt64(UInt32(truncatingIfNeeded: handler.id)) << 32 | UInt64(message))
    }

    func settled(_ numbers: [UInt64], isDurable: Bool) {
        if loop.inEventLoop {
            for number in numbers { tell(number, isDurable) }
            return
        }
        let isFirst = arrived.withLock { arrived in
            defer { for number in numbers { arrived.append(Item(number: number, isDurable: isDurable)) } }
            return arrived.isEmpty
        }
        if isFirst { loop.execute { self.tellAll() } }
    }

    private func tellAll() {
        let items = arrived.withLock { arrived in
            defer { arrived = [] }
            return arrived
        }
        for item in items { tell(item.number, item.isDurable) }
    }

    private func tell(_ number: UInt64, _ isDurable: Bool) {
        handlers.value[UInt32(number >> 32)]?.durable(UInt32(truncatingIfNeeded: number), isDurable)
    }
}
