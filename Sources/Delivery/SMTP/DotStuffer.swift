import Glibc
import NIOCore

/// Writes content as DATA wants it: lines end with CR LF whatever they ended with before, and a line's leading dot is
/// doubled (RFC 5321 section 4.5.2).
///
/// A lone CR or LF must not go out: servers differ in whether `LF . LF` ends a message, and what follows it would be
/// commands to some (CVE-2023-51764).
struct DotStuffer {
    /// How much of the content has been written.
    private(set) var offset = 0
    private var isAtLineStart = true
    private let doublesDots: Bool

    /// Starts at the content's first octet.
    init() {
        doublesDots = true
    }

    private init(doublesDots: Bool) {
        self.doublesDots = doublesDots
    }

    /// Content for BDAT, which counts octets and has no end mark: the line ends that DATA would give it, and no dot
    /// doubled.
    ///
    /// Content that is so already, as nearly all is, is not copied.
    static func canonical(_ content: [UInt8]) -> [UInt8] {
        let run = cleanRun(content, from: 0, limit: .max, isAtLineStart: true, doublesDots: false)
        guard run.end < content.count || !run.isAtLineStart else { return content }
        var stuffer = DotStuffer(doublesDots: false)
        var buffer = ByteBuffer()
        _ = stuffer.write(content, into: &buffer)
        return Array(buffer.readableBytesView)
    }

    /// The octets that end a message, on a line of their own.
    static let end: StaticString = ".\r\n"

    /// Writes whole lines until the content's end, or until `limit` octets or more have been written.
    ///
    /// The last line is given its end if it has none. Returns whether the content's end was reached.
    mutating func write(_ content: [UInt8], limit: Int = .max, into output: inout ByteBuffer) -> Bool {
        if limit == .max {
            output.reserveCapacity(minimumWritableBytes: content.count - offset + 128)
        }
        var written = 0
        while offset < content.count, written < limit {
            written += writeRun(content, limit: limit - written, into: &output)
        }
        if offset == content.count, !isAtLineStart {
            output.writeStaticString("\r\n")
            isAtLineStart = true
        }
        return offset == content.count
    }

    /// Writes as much as can be copied in one go, then whatever needs a change; returns the octets written.
    private mutating func writeRun(_ content: [UInt8], limit: Int, into output: inout ByteBuffer) -> Int {
        let run = Self.cleanRun(
            content,
            from: offset,
            limit: limit,
            isAtLineStart: isAtLineStart,
            doublesDots: doublesDots
        )
        var written = run.end - offset
        if written > 0 {
            output.writeBytes(content[offset..<run.end])
        }
        offset = run.end
        switch run.next {
        case .dot:
            output.writeStaticString("..")
            offset += 1
            written += 2
            isAtLineStart = false
        case .loneEnd:
            output.writeStaticString("\r\n")
            offset += 1
            written += 2
            isAtLineStart = true
        case .nothing:
            isAtLineStart = run.isAtLineStart
        }
        return written
    }

    private enum Next {
        /// A dot at a line's start.
        case dot
        /// A CR or an LF without its partner.
        case loneEnd
        /// The content's end, or enough for now.
        case nothing
    }

    /// How far the content from `start` can go out as it is, and what stands there.
    ///
    /// Looks for line ends with `memchr`, which takes 16 or more octets at a time; a loop over octets would be what
    /// sending spends most of its own time on.
    private static func cleanRun(
        _ content: [UInt8],
        from start: Int,
        limit: Int,
        isAtLineStart: Bool,
        doublesDots: Bool
    ) -> (end: Int, next: Next, isAtLineStart: Bool) {
        unsafe content.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return (start, .nothing, isAtLineStart) }
            var at = start
            var isAtLineStart = isAtLineStart
            while at < bytes.count {
                if doublesDots, isAtLineStart, unsafe bytes[at] == UInt8(ascii: ".") { return (at, .dot, true) }
                if at - start >= limit { return (at, .nothing, isAtLineStart) }
                let feed = unsafe find(0x0A, base, at, bytes.count)
                let lineEnd = feed ?? bytes.count
                if let carriage = unsafe find(0x0D, base, at, lineEnd), carriage != lineEnd - 1 || feed == nil {
                    return (carriage, .loneEnd, false)
                }
                guard let feed else { return (bytes.count, .nothing, false) }
                guard feed > at, unsafe bytes[feed - 1] == 0x0D else { return (feed, .loneEnd, false) }
                at = feed + 1
                isAtLineStart = true
            }
            return (at, .nothing, isAtLineStart)
        }
    }

    private static func find(_ byte: Int32, _ base: UnsafeRawPointer, _ from: Int, _ to: Int) -> Int? {
        guard let found = unsafe memchr(base + from, byte, to - from) else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }
}
