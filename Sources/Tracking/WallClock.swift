import Core

import Glibc

/// The machine's clock in milliseconds since 1970-01-01 00:00:00 UTC.
public func wallClock() -> Int64 {
    var now = timespec()
    _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
}

extension Timestamp {
    /// The whole second in which a moment lies.
    init(milliseconds: Int64) {
        self.init(seconds: milliseconds >= 0 ? milliseconds / 1_000 : (milliseconds - 999) / 1_000)
    }

    /// `YYYY-MM-DD` in UTC.
    var day: String {
        String(description.prefix(10))
    }
}

extension JSONObject {
    /// The moment that the members `time` and `ms` tell, in milliseconds since 1970.
    var moment: Int64? {
        moment("time", "ms")
    }

    /// The moment that two members tell, in milliseconds since 1970.
    func moment(_ time: String, _ milliseconds: String) -> Int64? {
        guard let seconds = text(time).flatMap({ Timestamp($0) })?.seconds, let rest = number(milliseconds),
            (0..<1_000).contains(rest)
        else { return nil }
        return seconds * 1_000 + Int64(rest)
    }
}
