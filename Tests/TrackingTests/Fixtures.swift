import Core
import Files
import Foundation
import OpenSSL
import Synchronization
import TestSupport

@testable import Tracking

/// Values that most tests here need.
enum Fixture {
    static let job = required(JobID(digest: Array(1...10)))
    static let otherJob = required(JobID(digest: Array(11...20), run: 3))
    static let secret = SecretBytes(copying: Array(0..<32))
    static let keys = TokenKeys(TokenKey(id: 1, secret: secret))
    static let suppressionKey = SecretBytes(copying: Array(repeating: 9, count: 32))
    static let tagger = AddressTagger(key: suppressionKey)
    static let baseURL = required(BaseURL("https://t.clinic.example"))
    static let tokens = TrackingTokens(baseURL: baseURL, keys: keys, tagger: tagger)
    static let target = "https://portal.clinic.example/visit?id=77&lang=en"
    /// Noon and a quarter of a second on 2026-11-21, UTC.
    static let noon = Timestamp(year: 2026, month: 11, day: 21, hour: 12).seconds * 1_000 + 250

    static func address(_ text: String) -> Address {
        required(try? Address(parsing: text) { _ in nil })
    }

    static func open(_ row: UInt32, at milliseconds: Int64 = noon) -> Event {
        Event(.open, job: job, row: RowNumber(row), milliseconds: milliseconds, why: "request", method: "GET")
    }

    static func unsubscribe(_ address: String, list: String = "", at milliseconds: Int64 = noon) -> Event {
        Event(
            .unsubscribe,
            job: job,
            row: RowNumber(1),
            milliseconds: milliseconds,
            list: list,
            tag: tagger.tag(of: self.address(address)),
            why: "form",
            method: "POST"
        )
    }

    /// The token in a URL of ours, without `.gif`.
    static func token(_ url: [UInt8]) -> [UInt8] {
        var last = required(url.split(separator: UInt8(ascii: "/")).last)
        if last.suffix(4).elementsEqual(".gif".utf8) { last = last.dropLast(4) }
        return Array(last)
    }

    static func openToken(_ row: UInt32 = 7) -> [UInt8] {
        var url: [UInt8] = []
        tokens.appendOpenURL(job: job, row: RowNumber(row), to: &url)
        return token(url)
    }

    static func clickToken(_ row: UInt32 = 7, link: Int = 2, target: String = target) -> [UInt8] {
        var url: [UInt8] = []
        tokens.appendClickURL(job: job, row: RowNumber(row), link: link, target: Array(target.utf8)[...], to: &url)
        return token(url)
    }

    static func unsubscribeToken(
        _ row: UInt32 = 7,
        list: String = "newsletter",
        language: String = "",
        address: String = "ada@x.example"
    ) -> [UInt8] {
        var url: [UInt8] = []
        tokens.appendUnsubscribeURL(
            job: job,
            row: RowNumber(row),
            list: list,
            language: language,
            address: self.address(address),
            to: &url
        )
        return token(url)
    }
}

/// A value that a constant of the tests must have.
func required<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("a constant of the tests is wrong") }
    return value
}

/// A directory for events, and what is in it.
struct EventsFolder {
    let temporary: TemporaryDirectory
    let directory: Directory

    init() throws {
        temporary = try TemporaryDirectory()
        directory = try Directory(path: temporary.path)
    }

    func log(host: String = "Web-1.local", clock: @escaping @Sendable () -> Int64 = { Fixture.noon }) throws -> EventLog
    {
        try EventLog(directory: directory, keys: Fixture.keys, host: host, clock: clock)
    }

    func reader(clock: @escaping @Sendable () -> Int64 = { Fixture.noon }) -> EventReader {
        EventReader(directory: directory, keys: Fixture.keys, clock: clock)
    }

    func events() throws -> [Event] {
        try reader().poll()
    }

    /// The files' names.
    var names: [String] {
        get throws { try directory.list() }
    }

    func lines(_ name: String) throws -> [String] {
        try temporary.text(name).split(separator: "\n").map(String.init)
    }
}

/// A clock that tests set.
final class ManualClock: Sendable {
    private let time: Mutex<Int64>

    init(_ time: Int64 = Fixture.noon) {
        self.time = Mutex(time)
    }

    var now: Int64 {
        time.withLock { $0 }
    }

    func advance(_ milliseconds: Int64) {
        time.withLock { $0 += milliseconds }
    }
}
