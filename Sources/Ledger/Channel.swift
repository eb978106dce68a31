import Core

/// A way that messages took: written once, then rows refer to it by number.
struct Channel: Hashable, Sendable {
    var route: String
    var server: String
    var tls: TLSEvidence?

    /// The way nowhere: nothing was reached, and the row's record has no number.
    var isEmpty: Bool {
        route.isEmpty && server.isEmpty && tls == nil
    }
}

/// The channels met so far, numbered from 1.
struct ChannelTable: Sendable {
    private(set) var all: [Channel] = []
    private var numbers: [Channel: Int] = [:]
    /// Most rows take the channel that the row before took; comparing is cheaper than hashing four texts.
    private var latest: (channel: Channel, number: Int)?

    subscript(number: Int) -> Channel? {
        number >= 1 && number <= all.count ? all[number - 1] : nil
    }

    mutating func number(of channel: Channel) -> Int? {
        if let latest, latest.channel == channel { return latest.number }
        guard let number = numbers[channel] else { return nil }
        latest = (channel, number)
        return number
    }

    mutating func add(_ channel: Channel) -> Int {
        all.append(channel)
        numbers[channel] = all.count
        latest = (channel, all.count)
        return all.count
    }
}
