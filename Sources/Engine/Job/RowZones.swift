import Core
import Intake
import Synchronization

/// The time zones of a job's rows, by number; 0 is the site's, for rows that name none.
final class RowZones: Sendable {
    private struct Storage {
        var zones: [TimeZoneRules]
        /// Numbers by the cell's bytes; zones that are not there, too, so that a table full of them is not a table of look-ups.
        var numbers: [String: Int?] = [:]
        var isSiteUsed = false
    }

    /// The most wrong names that are remembered.
    private static let most = 2_000

    private let storage: Mutex<Storage>

    init(_ site: TimeZoneRules) {
        storage = Mutex(Storage(zones: [site]))
    }

    /// The number of the zone that a cell names; `nil` if the tz database has none of that name.
    func number(of cell: ArraySlice<UInt8>) -> Int? {
        let name = String(decoding: cell, as: UTF8.self)
        let trimmed = name.utf8.first == UInt8(ascii: " ") || name.utf8.last == UInt8(ascii: " ") ? name.trimmed : name
        guard !trimmed.isEmpty else {
            storage.withLock { $0.isSiteUsed = true }
            return 0
        }
        return storage.withLock { storage in
            if let known = storage.numbers[trimmed] { return known }
            guard let rules = TimeZoneRules(named: trimmed) else {
                if storage.numbers.count < Self.most { storage.numbers[trimmed] = .some(nil) }
                return nil
            }
            storage.zones.append(rules)
            storage.numbers[trimmed] = storage.zones.count - 1
            return storage.zones.count - 1
        }
    }

    /// The numbers of those that rows have, as far as rows were read.
    var used: Range<Int> { storage.withLock { ($0.isSiteUsed ? 0 : 1)..<$0.zones.count } }

    /// A zone by its number.
    subscript(number: Int) -> TimeZoneRules { storage.withLock { $0.zones[number] } }
}

extension String {
    fileprivate var trimmed: String {
        var part = self[...]
        while part.first == " " { part.removeFirst() }
        while part.last == " " { part.removeLast() }
        return String(part)
    }
}
