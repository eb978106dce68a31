import Core
import Delivery
import Files
import Synchronization

/// What the jobs of each route share: one budget for each route in this process, and a file for each rate.
final class RouteBudgets: Sendable {
    private let site: Site
    private let budgets: Mutex<[String: RouteBudget]> = Mutex([:])

    init(_ site: Site) {
        self.site = site
    }

    /// The budget of a job's route; may wait a moment for another process.
    func budget(of route: RouteSettings) throws -> RouteBudget {
        try budgets.withLock { budgets -> RouteBudget in
            if let budget = budgets[route.name] { return budget }
            var log: (any RateStore)?
            if let rate = route.rate { log = try store("route.\(route.name)", rate) }
            let budget = RouteBudget(route, store: log)
            budgets[route.name] = budget
            return budget
        }
    }

    /// The log of a job's own rate.
    func rate(_ rate: RouteSettings.Rate, of job: JobID) throws -> any RateStore {
        try store("job.\(job)", rate)
    }

    /// A job that has ended needs its rate no more.
    func forget(_ job: JobID) {
        guard let rooms = try? site.outbox("rates") else { return }
        for name in (try? rooms.list()) ?? [] where name.hasPrefix("job.\(job).") { try? rooms.remove(name) }
    }

    private func store(_ name: String, _ rate: RouteSettings.Rate) throws -> any RateStore {
        do {
            return try RateFile.open(name, in: try site.outbox("rates"), rate: rate, boot: try Self.boot())
        } catch let error as FileError where error.operation == .lock && error.explanation == nil {
            // A file system without locks: the rate holds within this process, which is all that can be had there.
            return MemoryRateStore(rate)
        }
    }

    /// What the kernel calls this start of the machine.
    private static func boot() throws -> String {
        let file = try Directory(path: "/proc/sys/kernel/random").openRegular("boot_id")
        let text = String(decoding: try file.read(at: 0, count: 64), as: UTF8.self)
        return String(text.filter(\.isHexDigit).prefix(12))
    }
}
