import Foundation
import OpenSSL

#if canImport(Glibc)
    import Glibc
#endif

/// A certificate for the capture server and what a client needs to trust it.
struct CaptureKit {
    let root: CertificateAuthority
    let server: IssuedCertificate

    init() throws {
        let now = Int64(Date().timeIntervalSince1970)
        root = try CertificateAuthority(commonName: "Test root", notBefore: now - 3_600, notAfter: now + 3_600)
        server = try root.issue(
            CertificateRequest(names: ["localhost", "127.0.0.1"], notBefore: now - 3_600, notAfter: now + 3_600)
        )
    }
}

/// An SMTP client of the plainest kind, on a blocking socket, which sends what it is told and nothing else.
final class CaptureClient {
    struct Failure: Error {
        var description: String
    }

    private let socket: Int32
    private var engine: TLSEngine?
    private var buffer: [UInt8] = []

    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        unsafe setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(description: "no connection") }
    }

    deinit {
        close(socket)
    }

    /// Sends text as it is.
    func send(_ text: String) throws {
        guard let engine else { return try transmit(Array(text.utf8)) }
        try engine.write(Array(text.utf8))
        try transmit(engine.takeOutput())
    }

    /// Shakes hands on what is the connection from here on.
    func startTLS(_ kit: CaptureKit, name: String = "localhost") throws {
        let engine = try TLSEngine(TLSContext(trust: .pem(kit.root.certificatePEM)), serverName: name)
        while true {
            let result = Result { try engine.handshake() }
            try transmit(engine.takeOutput())
            if try result.get() == .done { break }
            guard let bytes = receive() else { throw Failure(description: "closed in the handshake") }
            engine.receive(bytes)
        }
        self.engine = engine
    }

    /// One whole reply, without its last line break; `nil` at the connection's end.
    func reply() throws -> String? {
        while true {
            let text = String(decoding: buffer, as: UTF8.self)
            var length = 0
            for line in text.split(separator: "\r\n", omittingEmptySubsequences: false).dropLast() {
                length += line.utf8.count + 2
                guard line.dropFirst(3).first == "-" else {
                    buffer.removeFirst(length)
                    return String(text.utf8.prefix(length - 2))
                }
            }
            guard let bytes = receive() else { return nil }
            if let engine {
                engine.receive(bytes)
                let read = try engine.readPlaintext()
                buffer += read.bytes
                if read.isClosed, read.bytes.isEmpty { return nil }
            } else {
                buffer += bytes
            }
        }
    }

    /// Sends text and returns the code of the one reply to it.
    func ask(_ text: String) throws -> String? {
        try send(text)
        return try reply().map { String($0.prefix(3)) }
    }

    private func transmit(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes { bytes in
                unsafe Glibc.send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "the server hung up") }
            sent += count
        }
    }

    private func receive() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe recv(socket, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes[..<count]) : nil
    }
}
