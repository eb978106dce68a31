internal import Web

/// `/healthz`: whether events can be kept.
struct HealthHandler: Sendable {
    let log: EventLog

    func reply() -> Reply {
        if log.isHealthy { return .answer(.text(200, "ok\n")) }
        return .answer(.text(503, "events not recorded: \(log.faults)\n"))
    }
}
