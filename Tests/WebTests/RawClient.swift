import Foundation
import Glibc
import Testing

/// A client that writes what it is told, and reads.
final class RawClient: Sendable {
    private let descriptor: Int32

    init(_ port: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        // A sockaddr_in by its bytes: debug and release builds find the structure in different modules.
        let address: [UInt8] =
            [UInt8(AF_INET), 0, UInt8(port >> 8), UInt8(port & 0xFF), 127, 0, 0, 1] + Array(repeating: 0, count: 8)
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let status = unsafe address.withUnsafeBytes { bytes in
            unsafe connect(
                descriptor,
                bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                socklen_t(bytes.count)
            )
        }
        #expect(status == 0)
    }

    deinit {
        close(descriptor)
    }

    /// Writes; `false` if the other side is gone.
    @discardableResult
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// Reads until the text is there, or the other side ends, or nothing comes for long.
    func read(until end: String? = nil) async -> String {
        await withCheckedContinuation { continuation in
            // A thread of its own: who waits must not keep others from their turn.
            Thread.detachNewThread { [descriptor] in
                var text: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while true {
                    let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
                    if count <= 0 { break }
                    text += buffer[..<count]
                    if let end, String(decoding: text, as: UTF8.self).contains(end) { break }
                }
                continuation.resume(returning: String(decoding: text, as: UTF8.self))
            }
        }
    }
}
