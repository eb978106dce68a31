import Core
import Delivery
import Files
import Foundation
import OpenSSL
import TestSupport
import Tracking

@testable import Engine

/// A site with lists, a relay for it, and somebody who fills in forms on its tracking host.
final class ListBench {
    let bench: Bench
    let service: SubscriptionService
    private let log: EventLog
    private let key: SealingPublicKey

    init(_ relay: Relay? = nil, more: String = "", perHour: Int = 200, tuning: JobWorker.Tuning = Bench.quick)
        async throws
    {
        bench = try await Bench(
            relay,
            more: """
                tracking:
                  base_url: https://t.riverside.example
                subscribe:
                  lists: [news, flu]
                  from: Riverside Clinic <news@riverside.example>
                  per_hour: \(perHour)
                \(more)
                """,
            tuning: tuning
        )
        try Self.writeTemplates(bench)
        service = try there(try SubscriptionService(bench.worker, log: Bench.silent))
        log = try EventLog(directory: try bench.site.outbox("events"), keys: bench.worker.keys.tokens)
        key = try SiteKeys.subscribePublicKey(in: try bench.site.keyDirectory(), name: "keys")
    }

    static func writeTemplates(_ bench: Bench) throws {
        try bench.scratch.write(
            "templates/confirm-subscription.txt",
            text: "Subject: Please confirm: {{list}}\n\n{{confirm_url}}\n{{site}}\n"
        )
        try bench.scratch.write(
            "templates/confirm-subscription.es.txt",
            text: "Subject: Confirme: {{list}}\r\n\r\n{{confirm_url}}\r\n"
        )
    }

    /// Another process on the same site.
    func another() throws -> SubscriptionService {
        try there(try SubscriptionService(try bench.another(), log: Bench.silent))
    }

    var relay: Relay { bench.relay }

    /// Fills in a form; what the wish is known by.
    @discardableResult
    func fill(
        _ address: String,
        _ list: String = "news",
        language: String = "en",
        at milliseconds: Int64 = wallClock()
    ) async throws -> SubscriptionWish.ID {
        let sealed = try there(
            SubscriptionWish(address: Protected(address), language: language).sealed(for: list, key)
        )
        var event = Event(.subscribe, job: .noJob, row: RowNumber(0), milliseconds: milliseconds, list: list)
        event.sealed = sealed
        try await log.append(event)
        return try there(SubscriptionWish.id(of: sealed))
    }

    /// The link in the last message to somebody.
    func link(_ address: String) throws -> String {
        let message = try there(relay.messages.last { $0.recipients.contains(address) })
        let text = String(decoding: message.bytes, as: UTF8.self).replacing("=\r\n", with: "").replacing(
            "=3D",
            with: "="
        )
        let start = try there(text.range(of: "https://t.riverside.example/y/"))
        return String(text[start.lowerBound...].prefix { !$0.isWhitespace })
    }

    /// Presses the button behind a link, as the tracking host writes it down.
    func press(_ link: String, at milliseconds: Int64 = wallClock()) async throws {
        let token = link.split(separator: "/").last.map { $0.prefix { $0 != "?" } } ?? ""
        let content = try there(
            ConfirmationToken(Array(token.utf8), TokenSeal(bench.worker.keys.tokens))
        )
        var proof: [UInt8] = []
        Base64.appendURLSafe(content.proof[...], to: &proof)
        try await press(content.list, String(decoding: proof, as: UTF8.self), at: milliseconds)
    }

    /// Writes a pressed button down, whatever it proves.
    func press(_ list: String, _ proof: String, at milliseconds: Int64 = wallClock()) async throws {
        var event = Event(.confirm, job: .noJob, row: RowNumber(0), milliseconds: milliseconds, list: list)
        event.sealed = proof
        try await log.append(event)
    }

    /// Leaves a list by a link in its mail.
    func leave(_ address: String, _ list: String, at milliseconds: Int64 = wallClock()) async throws {
        try await log.append(
            Event(
                .unsubscribe,
                job: .noJob,
                row: RowNumber(1),
                milliseconds: milliseconds,
                list: list,
                tag: try tag(address)
            )
        )
    }

    func tag(_ address: String) throws -> AddressTag {
        AddressTagger(key: bench.worker.keys.addressTag).tag(of: try there(SubscriberAddress.read(address)))
    }

    /// Fills in, gets the message, presses.
    func subscribe(_ address: String, _ list: String = "news") async throws {
        try await fill(address, list)
        _ = try await service.once()
        try await press(try link(address))
        _ = try await service.once()
    }

    /// A list's record.
    func records(_ list: String = "news") throws -> [SubscriptionRecord] {
        var records: [SubscriptionRecord] = []
        let file = SubscriptionFile(list, in: try bench.site.outbox("lists"), key: bench.worker.keys.subscribers)
        try file.reader().poll { records.append($0) }
        return records
    }

    func operations(_ list: String = "news") throws -> [SubscriptionRecord.Operation] {
        try records(list).map(\.operation)
    }

    /// Appends to a list's record as a process would that got no further.
    func append(_ records: [SubscriptionRecord], _ list: String = "news") throws {
        try SubscriptionFile(list, in: try bench.site.outbox("lists"), key: bench.worker.keys.subscribers).append(
            records
        )
    }

    /// The addresses in a list's table.
    func table(_ list: String = "news") throws -> [String] {
        try bench.table("outbox/lists/\(list).csv").map { $0["email"] ?? "" }
    }
}

/// A value that must be there.
func there<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw Missing() }
    return value
}

/// What was looked for is not there.
struct Missing: Error {}
