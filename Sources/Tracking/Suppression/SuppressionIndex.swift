import Core
import Files
import OpenSSL

/// What the suppression list came to at some moment, in a form in which one mailbox is found without reading the rest.
///
/// `outbox/suppression.index` is made from the list's file and the events, and may be deleted at any time: it is made again.
/// Entries stand in the order of their tags, in blocks; a directory has the end and the digest of each block, and is authenticated
/// under the site's key with all the rest. So opening it costs the directory, and a look-up costs one read of a kilobyte,
/// whose digest is compared.
final class SuppressionIndex: Sendable {
    /// The file's name in the outbox.
    static let name = "suppression.index"
    static let keyUse = "wardpost suppression index v1"
    static let magic = Array("WPSUPIX1".utf8)
    static let trailerCount = 8 + 4 * 8 + HMACSHA256.byteCount
    static let directoryEntry = 4 + digestCount
    static let digestCount = 16

    /// What stands in it besides the entries.
    struct Contents: Sendable {
        var listNames: [String] = []
        var removals: [(AddressTag, SuppressionRemovals.Removal)] = []
        /// How far the list's file was read.
        var file: ChainCheckpoint?
        /// How far the events were read, by file.
        var events: [String: ChainCheckpoint] = [:]
        /// The complaints among them.
        var complaints: [Event] = []
        /// Damage that somebody has looked at.
        var mended: Set<MendedPlace> = []
    }

    /// Why a look-up failed: the file is not what it was when it was opened.
    struct Damaged: Error, CustomStringConvertible {
        var description: String { "\(SuppressionIndex.name) is damaged; remove it, it is made again" }
    }

    let contents: Contents
    /// How many entries there are.
    let count: Int
    let bucketBits: Int
    private let file: Descriptor
    private let directory: [UInt8]

    /// Opens the index; `nil` if there is none, or none that the key vouches for.
    init?(in outbox: Directory, key: HMACSHA256) {
        guard let file = try? outbox.openRegular(Self.name), let size = try? file.status().size,
            size >= Int64(Self.trailerCount),
            let trailer = try? file.read(at: size - Int64(Self.trailerCount), count: Self.trailerCount),
            trailer.count == Self.trailerCount, trailer.starts(with: Self.magic)
        else { return nil }
        let numbers = (0..<4).map { index -> Int in
            let start = 8 + 8 * index
            return Int(truncatingIfNeeded: bigEndian(trailer[start..<start + 8]) as UInt64)
        }
        let (count, bits, directoryCount, metaCount) = (numbers[0], numbers[1], numbers[2], numbers[3])
        guard (0..<1 << 32).contains(count), (0...32).contains(bits), (0..<1 << 40).contains(metaCount),
            directoryCount == Self.directoryEntry << bits,
            size == Int64(count * TagEntry.byteCount + directoryCount + metaCount + Self.trailerCount)
        else { return nil }
        let start = Int64(count * TagEntry.byteCount)
        guard let head = try? file.read(at: start, count: directoryCount + metaCount),
            head.count == directoryCount + metaCount,
            key.isValid(Array(trailer[40...]), for: trailer[..<40] + head),
            let contents = Contents(reading: head[directoryCount...])
        else { return nil }
        self.file = file
        self.contents = contents
        self.count = count
        bucketBits = bits
        directory = Array(head[..<directoryCount])
    }

    static func derived(_ key: SecretBytes) -> HMACSHA256 {
        HMACSHA256(key: SecretBytes(copying: HMACSHA256(key: key).tag(of: Array(keyUse.utf8))))
    }

    /// Which block a tag belongs to.
    static func bucket(of tag: AddressTag, bits: Int) -> Int {
        bits == 0 ? 0 : Int(tag.high >> UInt64(64 - bits))
    }

    /// The states of one tag, handed to `body` one by one.
    func forEachState(of tag: AddressTag, _ body: (TagState) -> Void) throws {
        if count == 0 { return }
        let block = try block(Self.bucket(of: tag, bits: bucketBits))
        var low = 0
        var high = block.count / TagEntry.byteCount
        while low < high {
            let middle = (low + high) / 2
            let found = Self.tag(block, middle)
            if (found.high, found.low) < (tag.high, tag.low) { low = middle + 1 } else { high = middle }
        }
        while low < block.count / TagEntry.byteCount, Self.tag(block, low) == tag {
            body(Self.entry(block, low).state)
            low += 1
        }
    }

    /// One block's bytes, as they were when the index was written.
    func block(_ bucket: Int) throws -> [UInt8] {
        let end = self.end(bucket)
        let start = bucket == 0 ? 0 : self.end(bucket - 1)
        guard start < end else { return [] }
        let bytes = try file.read(at: Int64(start * TagEntry.byteCount), count: (end - start) * TagEntry.byteCount)
        let place = bucket * Self.directoryEntry + 4
        guard SHA256.hash(bytes)[..<Self.digestCount] == directory[place..<place + Self.digestCount] else {
            throw Damaged()
        }
        return bytes
    }

    static func entry(_ block: [UInt8], _ index: Int) -> TagEntry {
        TagEntry(tag: tag(block, index), state: TagState(word: word(block, index * TagEntry.byteCount + 16)))
    }

    private static func tag(_ block: [UInt8], _ index: Int) -> AddressTag {
        let start = index * TagEntry.byteCount
        return AddressTag(high: word(block, start), low: word(block, start + 8))
    }

    private static func word(_ bytes: [UInt8], _ start: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in start..<start + 8 { word = word << 8 | UInt64(bytes[index]) }
        return word
    }

    private func end(_ bucket: Int) -> Int {
        let place = bucket * Self.directoryEntry
        return Int(bigEndian(directory[place..<place + 4]) as UInt32)
    }
}
