import Core
import Files
import OpenSSL

/// A line that was left out, or a file that is not what it was.
public struct ChainFault: Hashable, Sendable, CustomStringConvertible {
    /// The file's name.
    public let file: String
    /// Where the line starts in it, in bytes.
    public let offset: Int64
    /// What is wrong, as a clause.
    public let problem: String

    /// `file at byte N: problem`.
    public var description: String {
        "\(file) at byte \(offset): \(problem)"
    }
}

/// How far a file was read, so that another follower can go on from there.
struct ChainCheckpoint: Hashable {
    /// How far complete lines were read.
    var offset: Int64
    /// The `mac` of the header, which tells this file from another of its name.
    var header: [UInt8]
    /// The `mac` that the chain goes on from.
    var mac: [UInt8]
}

/// Reads the lines of one growing file, each once, and verifies their chain.
///
/// Remembers a place and the chain's state, not the file: nothing is open between two looks, so that a file replaced by a
/// longer copy of itself (as `rsync` does) is followed as well as one that is appended to. An unfinished last line waits.
struct ChainFollower: ~Copyable {
    /// A line longer than this is none of ours.
    static let maximumLine = 16_384
    private static let chunk = 65_536

    let name: String
    /// What the header must say under `wardpost`.
    private let format: String
    private let key: (_ id: Int) -> HMACSHA256?
    private var chain: Chain?
    private var isInsideLongLine = false
    /// Whether the header was not one of ours; then nothing in the file can be verified.
    private var isRefused = false
    /// How far complete lines were read.
    private(set) var offset: Int64 = 0
    private var seenSize: Int64 = 0
    private var seenInode: UInt64 = 0
    private var buffer: [UInt8] = []
    private var headerMAC: [UInt8] = []
    /// Where to go on from, until the file is opened.
    private var start: ChainCheckpoint?

    /// Follows a file.
    ///
    /// - Parameters:
    ///   - name: The file's name.
    ///   - format: What its header must say.
    ///   - start: How far it was read before; from its beginning without one.
    ///   - key: Finds the key by the number that the header names.
    init(name: String, format: String, from start: ChainCheckpoint? = nil, key: @escaping (_ id: Int) -> HMACSHA256?) {
        self.name = name
        self.format = format
        self.key = key
        self.start = start
        offset = start?.offset ?? 0
    }

    /// How far the file was read; `nil` if nothing of it could be.
    var checkpoint: ChainCheckpoint? {
        if let start { return start }
        switch chain {
        case .some(let chain) where !isInsideLongLine:
            return ChainCheckpoint(offset: offset, header: headerMAC, mac: chain.previous)
        default: return nil
        }
    }

    /// Reads what is new, if the file changed since the last look; `false` if it was told to stop before the end.
    ///
    /// - Parameters:
    ///   - directory: Where the file is.
    ///   - fault: Told of each line that is left out.
    ///   - body: Takes each verified line behind the header.
    ///   - mayGoOn: Asked after each chunk of lines; what is left then comes with the next look.
    @discardableResult
    mutating func poll(
        in directory: Directory,
        while mayGoOn: () -> Bool = { true },
        fault: (ChainFault) -> Void,
        _ body: (JSONObject) throws -> Void
    ) throws -> Bool {
        guard let status = try directory.status(of: name) else {
            // Events are many files, and what they said is known; there is one list.
            guard offset > 0, format == "suppression" else { return true }
            fault(ChainFault(file: name, offset: 0, problem: "the file is gone"))
            start = nil
            chain = nil
            offset = 0
            return true
        }
        guard status.size != seenSize || status.inode != seenInode else { return true }
        guard try follow(directory, status, mayGoOn, fault, body) else { return false }
        // Not if reading failed: what was not read is looked at again.
        (seenSize, seenInode) = (status.size, status.inode)
        return true
    }

    private mutating func follow(
        _ directory: Directory,
        _ status: FileStatus,
        _ mayGoOn: () -> Bool,
        _ fault: (ChainFault) -> Void,
        _ body: (JSONObject) throws -> Void
    ) throws -> Bool {
        guard status.kind == .regular else {
            fault(ChainFault(file: name, offset: 0, problem: "it is not a regular file"))
            return true
        }
        if isRefused {
            // The same file under the same wrong header, unless it was replaced.
            guard status.inode != seenInode || status.size < seenSize else { return true }
            isRefused = false
            offset = 0
        }
        if status.size < offset {
            fault(ChainFault(file: name, offset: status.size, problem: "the file is shorter than it was"))
            offset = status.size
            start?.offset = offset
        }
        if status.size > offset {
            let file = try directory.openRegular(name)
            try goOn(file, fault)
            while try readChunk(file, to: status.size, fault, body) {
                if offset < status.size, !mayGoOn() { return false }
            }
        }
        if buffer.capacity > 0, offset == status.size { buffer = [] }
        return true
    }

    /// Takes up the chain where an earlier follower left it.
    private mutating func goOn(_ file: Descriptor, _ fault: (ChainFault) -> Void) throws {
        guard let start else { return }
        self.start = nil
        let first = try file.read(at: 0, count: Self.maximumLine)
        guard let end = first.firstIndex(of: UInt8(ascii: "\n")), let (text, mac) = Chain.parts(first[..<end]),
            mac == start.header, takeHeader(first[..<end], text, mac) == nil
        else {
            fault(ChainFault(file: name, offset: 0, problem: "the file is another than it was"))
            chain = nil
            offset = 0
            return
        }
        chain?.resume(from: start.mac)
    }

    // MARK: - Going on from an earlier reading

    /// How far the file was read; `nil` where nothing of it was.
    mutating func position(in directory: Directory) throws -> EventPosition? {
        guard let mac = chain?.previous, offset > 0 else { return nil }
        let file = try directory.openRegular(name)
        return EventPosition(
            file: name,
            offset: offset,
            mac: mac,
            mark: try Self.mark(of: file, before: offset),
            isInsideLine: isInsideLongLine
        )
    }

    /// Goes on where an earlier reading ended; `false` if the file is not the one that was read.
    mutating func resume(at position: EventPosition, in directory: Directory) throws -> Bool {
        guard try directory.status(of: name)?.kind == .regular else { return false }
        let file = try directory.openRegular(name)
        guard try Self.mark(of: file, before: position.offset) == position.mark else { return false }
        let head = try file.read(at: 0, count: Self.maximumLine)
        guard let end = head.firstIndex(of: UInt8(ascii: "\n")), let (text, mac) = Chain.parts(head[..<end]),
            takeHeader(head[..<end], text, mac) == nil
        else { return false }
        chain?.resume(from: position.mac)
        offset = position.offset
        isInsideLongLine = position.isInsideLine
        return true
    }

    /// What stands in a file just before a place, in eight bytes.
    private static func mark(of file: Descriptor, before offset: Int64) throws -> [UInt8] {
        let start = max(0, offset - 512)
        let count = Int(offset - start)
        let bytes = try file.read(at: start, count: count)
        return bytes.count == count ? Array(SHA256.hash(bytes).prefix(8)) : []
    }

    /// Takes one chunk's complete lines; `false` if there is no other.
    private mutating func readChunk(
        _ file: Descriptor,
        to size: Int64,
        _ fault: (ChainFault) -> Void,
        _ body: (JSONObject) throws -> Void
    ) throws -> Bool {
        try file.read(at: offset, count: Int(min(Int64(Self.chunk), size - offset)), into: &buffer)
        let bytes = buffer
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let place = offset + Int64(start)
            if isInsideLongLine {
                isInsideLongLine = false
            } else if let problem = try take(bytes[start..<end], body) {
                fault(ChainFault(file: name, offset: place, problem: problem))
            }
            if isRefused { return false }
            start = end + 1
        }
        if start == 0, bytes.count > Self.maximumLine {
            if !isInsideLongLine {
                fault(ChainFault(file: name, offset: offset, problem: "a line is too long"))
            }
            isInsideLongLine = true
            start = bytes.count
        }
        offset += Int64(start)
        return start > 0 && offset < size
    }

    /// Takes one line; says what is wrong with it, if anything is.
    private mutating func take(
        _ line: ArraySlice<UInt8>,
        _ body: (JSONObject) throws -> Void
    ) throws -> String? {
        guard let (text, mac) = Chain.parts(line) else {
            isRefused = chain == nil
            return "a line is damaged"
        }
        guard chain != nil else {
            let problem = takeHeader(line, text, mac)
            isRefused = problem != nil
            return problem
        }
        guard let expected = chain?.next(text) else { return nil }
        guard constantTimeEqual(expected, mac) else {
            chain?.resume(from: mac)
            return "a line does not fit the chain: it was changed, moved or forged, or its neighbour was"
        }
        guard let object = JSONObject(line), object.number("n") != nil else { return "a line is no record" }
        try body(object)
        return nil
    }

    private mutating func takeHeader(_ line: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>, _ mac: [UInt8]) -> String? {
        guard let object = JSONObject(line), object.text("wardpost") == format, object.number("version") == 1 else {
            return "the first line is no header of this kind of file"
        }
        guard let id = object.number("key"), let key = key(id) else { return "the file's key is not known" }
        var begun = Chain(key: key, header: text)
        guard constantTimeEqual(begun.next(text), mac) else { return "the header was changed, or the key is another" }
        chain = consume begun
        headerMAC = mac
        return nil
    }
}
