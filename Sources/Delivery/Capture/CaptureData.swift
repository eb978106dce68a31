import Glibc
import NIOCore

/// Finds the end of a message's data.
///
/// CR LF, a dot, CR LF, and nothing else (CVE-2023-51764).
struct CaptureData {
    /// What a look at the bytes gave.
    enum Found: Hashable {
        /// The end is not there yet.
        case needsInput
        /// The message, still dot-stuffed, takes so many bytes; so many more are its end.
        case end(count: Int, terminator: Int)
    }

    /// Whether a line began with a dot, so that there is something to unstuff.
    private(set) var hasDots = false
    /// Whether more came than may be kept; what was kept is gone then.
    private(set) var isTooLarge = false
    /// Up to where there is no end.
    private var scanned = 0
    private var isAtStart = true

    /// Looks on where it stopped.
    ///
    /// `bytes` are all of the message that came so far.
    mutating func look(at bytes: ByteBuffer) -> Found {
        unsafe bytes.withUnsafeReadableBytes { unsafe look(at: $0) }
    }

    private mutating func look(at bytes: UnsafeRawBufferPointer) -> Found {
        // The end of the DATA command counts as the line break before the first line.
        if isAtStart, scanned == 0, let first = unsafe bytes.first {
            if first == UInt8(ascii: ".") {
                switch unsafe lineBreak(in: bytes, at: 1) {
                case true?: return .end(count: 0, terminator: 3)
                case false?: hasDots = true
                case nil: return .needsInput
                }
            }
            isAtStart = false
        }
        while let place = unsafe nextDot(in: bytes) {
            switch unsafe lineBreak(in: bytes, at: place + 3) {
            case true?: return .end(count: place + 2, terminator: 3)
            case false?:
                hasDots = true
                scanned = place + 3
            case nil:
                scanned = place
                return .needsInput
            }
        }
        scanned = max(scanned, bytes.count - 2)
        return .needsInput
    }

    /// Gives up on what was looked at, except for what may be the beginning of the end.
    mutating func discard(from bytes: inout ByteBuffer) {
        bytes.moveReaderIndex(forwardBy: min(scanned, bytes.readableBytes))
        scanned = 0
        isTooLarge = true
    }

    /// Where the next line break with a dot behind it begins.
    private func nextDot(in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let start = bytes.baseAddress else { return nil }
        // Dots are rarer than line breaks.
        var from = scanned + 2
        while from < bytes.count,
            let dot = unsafe memchr(start + from, Int32(UInt8(ascii: ".")), bytes.count - from)
        {
            let place = unsafe UnsafeRawPointer(dot) - start
            if unsafe bytes[place - 1] == 0x0A, unsafe bytes[place - 2] == 0x0D { return place - 2 }
            from = place + 1
        }
        return nil
    }

    /// Whether CR LF stands at an offset; `nil` if too few bytes came to tell.
    private func lineBreak(in bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool? {
        guard offset < bytes.count else { return nil }
        guard unsafe bytes[offset] == 0x0D else { return false }
        guard offset + 1 < bytes.count else { return nil }
        return unsafe bytes[offset + 1] == 0x0A
    }

    /// The message without the dots that were added for the way (RFC 5321 section 4.5.2).
    static func unstuffed(_ data: ByteBuffer) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(data.readableBytes)
        var (last, beforeLast): (UInt8, UInt8) = (0x0A, 0x0D)
        for byte in data.readableBytesView {
            if byte != UInt8(ascii: ".") || last != 0x0A || beforeLast != 0x0D {
                message.append(byte)
            }
            (beforeLast, last) = (last, byte)
        }
        return message
    }
}
