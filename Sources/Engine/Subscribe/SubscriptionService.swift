import Core
import Delivery
import Files
import Intake
public import Logging
import OpenSSL
public import ServiceLifecycle
import Tracking

/// Follows the lists' forms: sends confirmation messages by the site's route, and keeps lists of who confirmed.
///
/// Two things go on at a time: events are followed every second or two, and messages go out, however slow the relay is.
public struct SubscriptionService: Service {
    /// How often events are looked for.
    public var interval: Duration = .seconds(2)

    private let worker: JobWorker
    private let subscribe: SiteConfiguration.Subscribe
    private let office: SubscriptionOffice
    private let log: Logger

    /// Prepares to follow a site's forms; `nil` if it has none.
    ///
    /// Throws if a key, a template or the route is not as it must be.
    public init?(_ worker: JobWorker, log: Logger) throws(EngineError) {
        guard let subscribe = worker.site.configuration.subscribe else { return nil }
        let site = worker.site
        self.worker = worker
        self.subscribe = subscribe
        self.log = log
        let surroundings = SubscriptionBook.Surroundings(
            site: site,
            keys: worker.keys,
            subscribe: subscribe,
            rules: SubscriptionDesk.Rules(perHour: subscribe.perHour, backoff: worker.tuning.backoff),
            opener: try SiteKeys.subscribeKey(in: try site.keyDirectory(), name: site.configuration.keys.value),
            directory: try site.outbox("lists"),
            log: log
        )
        office = try SubscriptionOffice(
            surroundings,
            lease: worker.tuning.lease ?? .seconds(site.configuration.lease)
        )
        do {
            _ = try ConfirmationLetter(site: site, keys: worker.keys, subscribe: subscribe)
            _ = try Self.route(site, subscribe)
        } catch let error as EngineError {
            throw error
        } catch let error as Diagnostics {
            throw EngineError(.configuration, error.all)
        } catch let error as Diagnostic {
            throw EngineError(.configuration, [error])
        } catch {
            throw EngineError(.configuration, "\(error)")
        }
    }

    /// Follows the forms until told to stop.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await follow() }
                group.addTask { await send() }
            }
        }
        office.close()
        log.notice("stopped following subscriptions")
    }

    /// Takes in all there is and sends what is due, once; `false` if another process keeps the lists.
    func once() async throws -> Bool {
        guard try await Blocking.run({ [office] in try office.turn() }) else { return false }
        while let batch = try await Blocking.run({ [office] in try office.nextBatch() }) {
            try await send(batch)
            await office.ended(batch.ids)
        }
        return true
    }

    /// Lets go of the lists.
    func close() {
        office.close()
    }

    private func follow() async {
        var trouble = ""
        while !Task.isCancelled {
            trouble = await attempt("subscriptions cannot be followed", after: trouble) {
                try await Blocking.run { [office] in _ = try office.turn() }
            }
            try? await Task.sleep(for: interval)
        }
    }

    private func send() async {
        var trouble = ""
        while !Task.isCancelled {
            var rest = interval / 4
            trouble = await attempt("confirmation messages cannot go out", after: trouble) {
                guard let batch = try await Blocking.run({ [office] in try office.nextBatch() }) else { return }
                do {
                    try await send(batch)
                } catch {
                    await office.ended(batch.ids)
                    throw error
                }
                await office.ended(batch.ids)
            }
            // A relay that cannot be had is not asked again at once.
            if !trouble.isEmpty { rest = max(rest, .seconds(min(60, worker.tuning.backoff.first))) }
            try? await Task.sleep(for: rest)
        }
    }

    /// Sends a batch's messages; throws with what keeps them from going out.
    private func send(_ batch: ConfirmationBatch) async throws {
        let site = worker.site
        let route = try Self.route(site, subscribe)
        let budget = try await worker.budget(of: route)
        let sender = try RouteSender(route: route, group: worker.loops, source: batch, budget: budget)
        switch await sender.run() {
        case .finished, .cancelled: return
        case .held(let problem), .stopped(let problem):
            throw Diagnostic("\(problem.reason): \(problem.detail)")
        }
    }

    /// The route, if nothing stands against it today.
    private static func route(_ site: Site, _ subscribe: SiteConfiguration.Subscribe) throws -> RouteSettings {
        let route = try site.configuration.route(for: subscribe)
        let today = CalendarDate(of: .now, in: site.configuration.zone.value)
        let problems = site.configuration.problems(of: route, on: today)
        guard problems.isEmpty else { throw Diagnostics(problems) }
        return try RouteBuilder(site: site).settings(route, heloName: subscribe.from.value.address.domain)
    }

    /// Does something; what went wrong is logged once, and given back.
    private func attempt(_ what: String, after last: String, _ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return ""
        } catch is CancellationError {
            return last
        } catch {
            let cause = "\(error)"
            if cause != last { log.error("\(what)", metadata: ["cause": "\(cause)"]) }
            return cause
        }
    }
}
