import OpenSSL

/// The chain that ties each line to all before it.
///
/// The head's hash is HMAC-SHA256 under the site's ledger key, each further one is SHA-256 over the hash before and the
/// line. A line shows the first half of its hash; who has not the key cannot know the other half, and so cannot make a
/// line that follows.
struct Chain: ~Copyable {
    /// TAB, 32 hexadecimal digits, LF.
    static let tail = 34
    private static let digits = Array("0123456789abcdef".utf8)

    private var hash: [UInt8]
    private var hasher = SHA256()

    /// Begins with a head's line, without its tag.
    init(head: ArraySlice<UInt8>, key: HMACSHA256) {
        hash = key.tag(of: head)
    }

    /// Goes on after a line.
    init(hash: [UInt8]) {
        self.hash = hash
    }

    /// The hash of the last line, whole; only for going on.
    var state: [UInt8] {
        hash
    }

    /// What the last line shows of its hash.
    var tag: [UInt8] {
        Array(hash.prefix(16))
    }

    /// Whether the line in `bytes[range]`, with its tag and line feed, is the next one; if so, the chain goes on.
    mutating func follows(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        guard range.count > Self.tail else { return false }
        let before = hash
        let end = range.upperBound - Self.tail
        advance(bytes[range.lowerBound..<end])
        guard tagMatches(bytes, end) else {
            hash = before
            return false
        }
        return true
    }

    /// Whether what stands at a place is a TAB and the last line's tag.
    func tagMatches(_ bytes: [UInt8], _ at: Int) -> Bool {
        var difference = bytes[at] ^ UInt8(ascii: "\t")
        for index in 0..<16 {
            let byte = hash[index]
            difference |= bytes[at + 2 * index + 1] ^ Self.digits[Int(byte >> 4)]
            difference |= bytes[at + 2 * index + 2] ^ Self.digits[Int(byte & 15)]
        }
        return difference == 0
    }

    /// Fills in the tags of whole lines, whose places are kept free for them; the first `skip` bytes are left alone.
    mutating func seal(_ bytes: inout [UInt8], from skip: Int = 0) {
        var start = skip
        // By index: a slice that is still held would make each tag copy the whole buffer.
        for end in skip..<bytes.count where bytes[end] == UInt8(ascii: "\n") {
            advance(bytes[start..<(end + 1 - Self.tail)])
            writeTag(into: &bytes, at: end - 32)
            start = end + 1
        }
    }

    func writeTag(into bytes: inout [UInt8], at place: Int) {
        for index in 0..<16 {
            let byte = hash[index]
            bytes[place + 2 * index] = Self.digits[Int(byte >> 4)]
            bytes[place + 2 * index + 1] = Self.digits[Int(byte & 15)]
        }
    }

    private mutating func advance(_ line: ArraySlice<UInt8>) {
        hasher.update(hash)
        hasher.update(line)
        unsafe hash.withUnsafeMutableBytes { unsafe hasher.finalize(into: $0) }
    }
}
