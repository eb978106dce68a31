internal import Core
internal import Synchronization
internal import Web

/// What the tracking server counts besides its connections.
final class TrackingCounters: Sendable {
    let opens = Atomic(0)
    let clicks = Atomic(0)
    let others = Atomic(0)
    let answered = Atomic(0)
    let notFound = Atomic(0)
    let failed = Atomic(0)
    let certificates = Atomic(0)
    let certificateFaults = Atomic(0)
    let keys = Atomic(0)
    let keyFaults = Atomic(0)

    func count(_ kind: Event.Kind) {
        switch kind {
        case .open: opens.wrappingAdd(1, ordering: .relaxed)
        case .click: clicks.wrappingAdd(1, ordering: .relaxed)
        default: others.wrappingAdd(1, ordering: .relaxed)
        }
    }

    func answered(_ status: Int) {
        answered.wrappingAdd(1, ordering: .relaxed)
        if status == 404 { notFound.wrappingAdd(1, ordering: .relaxed) }
        if status >= 500 { failed.wrappingAdd(1, ordering: .relaxed) }
    }
}

/// What a monitoring system is told: numbers, and no path, token, address or agent.
final class Metrics: Sendable {
    let server = Mutex<WebServer?>(nil)
    private let log: EventLog
    private let counters: TrackingCounters
    private let start = Timestamp.now

    init(log: EventLog, counters: TrackingCounters) {
        self.log = log
        self.counters = counters
    }

    /// The numbers in Prometheus' text format.
    func text() -> String {
        var text = ""
        let add = { (name: String, type: String, help: String, values: [(labels: String, value: Int)]) in
            text += "# HELP wardpost_\(name) \(help)\n# TYPE wardpost_\(name) \(type)\n"
            for value in values { text += "wardpost_\(name)\(value.labels) \(value.value)\n" }
        }
        let one = { (value: Int) in [(labels: "", value: value)] }
        let load = { (counter: borrowing Atomic<Int>) in counter.load(ordering: .relaxed) }
        add("healthy", "gauge", "1 if events are kept, else 0.", one(log.isHealthy ? 1 : 0))
        add("events_written_total", "counter", "Events made durable.", one(log.written))
        add("events_lost_total", "counter", "Events that could not be made durable.", one(log.faults))
        add(
            "events_total",
            "counter",
            "Events by kind, whatever became of them.",
            [
                ("{kind=\"open\"}", load(counters.opens)), ("{kind=\"click\"}", load(counters.clicks)),
                ("{kind=\"other\"}", load(counters.others)),
            ]
        )
        add("answers_total", "counter", "Requests answered.", one(load(counters.answered)))
        add("answers_not_found_total", "counter", "Requests with a path of nobody's.", one(load(counters.notFound)))
        add("answers_failed_total", "counter", "Requests answered with an error of ours.", one(load(counters.failed)))
        add("certificate_reloads_total", "counter", "Certificates put in use.", one(load(counters.certificates)))
        add(
            "certificate_faults_total",
            "counter",
            "Looks at certificates that cannot be used.",
            one(load(counters.certificateFaults))
        )
        add("token_key_reloads_total", "counter", "Token keys put in use.", one(load(counters.keys)))
        add(
            "token_key_faults_total",
            "counter",
            "Looks at token keys that cannot be used.",
            one(load(counters.keyFaults))
        )
        add("start_time_seconds", "gauge", "When the server started.", one(Int(start.seconds)))
        guard let server = server.withLock({ $0 }) else { return text }
        let web = server.counters
        add("connections", "gauge", "Connections now.", one(server.connections))
        add("connections_total", "counter", "Connections accepted.", one(load(web.connections)))
        add("connections_refused_total", "counter", "Connections beyond a limit.", one(load(web.connectionsRefused)))
        add("handshakes_failed_total", "counter", "TLS handshakes that failed.", one(load(web.handshakesFailed)))
        add("requests_total", "counter", "Requests read.", one(load(web.requests)))
        add("requests_refused_total", "counter", "Requests that were none, or too large.", one(load(web.refused)))
        add("requests_limited_total", "counter", "Requests beyond an address's rate.", one(load(web.limited)))
        add("expired_total", "counter", "Connections and requests that took too long.", one(load(web.expired)))
        return text
    }
}

/// Answers on the metrics' address.
final class MetricsResponder: WebResponder {
    private let metrics: Metrics

    init(_ metrics: Metrics) {
        self.metrics = metrics
    }

    func respond(to request: WebRequest, _ exchange: any WebExchange) {
        guard request.path.elementsEqual("/metrics".utf8) else { return exchange.answer(.text(404, "not found\n")) }
        guard request.method == .get || request.method == .head else {
            return exchange.answer(.refused(allowed: "GET, HEAD"))
        }
        let fields = [("content-type", "text/plain; version=0.0.4; charset=utf-8"), ("cache-control", "no-store")]
        exchange.answer(
            WebAnswer(200, fields.map { (name: $0.0, value: $0.1) }, body: Array(metrics.text().utf8))
        )
    }
}
