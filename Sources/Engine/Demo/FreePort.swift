import Glibc

/// Finds a TCP port on loopback that nobody listens on.
enum FreePort {
    /// A port that was free a moment ago.
    static func find() throws(EngineError) -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw EngineError(.tryAgain, "no socket can be had") }
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let found = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(socket, pointer, length) == 0 && getsockname(socket, pointer, &length) == 0
            }
        }
        guard found else { throw EngineError(.tryAgain, "no free port can be found") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
