import Delivery

/// Tells a server that takes nobody at the first knock from one that is knocked at too often.
///
/// Greylisting (RFC 6647) puts each first message from us to a recipient off, mostly with 4.7.1, which other servers use for
/// "too fast". To go slower would not help: every recipient is put off once, and a job whose thousand rows are all put off would
/// be slowed to a crawl for nothing.
enum Greylisting {
    private static let rateWords = ["rate", "limit", "throttl", "too many", "too much", "too fast", "flood", "volume"]

    /// Whether a temporary refusal looks like greylisting: it says so, or it is a 4.7.1 to the first try that says nothing of a
    /// rate.
    static func isLikely(_ result: AttemptResult, attempt: Int) -> Bool {
        let text = result.detail.lowercased()
        if ["greylist", "graylist", "grey-list", "gray-list"].contains(where: text.contains) { return true }
        let words = text.split(separator: " ", maxSplits: 2)
        guard attempt == 1, words.count > 1, words[1] == "4.7.1" else { return false }
        return !rateWords.contains { text.contains($0) }
    }
}
