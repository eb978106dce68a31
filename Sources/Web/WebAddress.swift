internal import NIOCore

/// Where a request came from.
package struct WebAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address's first eight bytes, big-endian; 0 for IPv4.
    let high: UInt64
    /// The last eight bytes; for IPv4 the last four of them.
    let low: UInt64
    /// Whether it is an address of IPv4.
    package let isIPv4: Bool

    /// 127.0.0.1.
    package static let loopback = WebAddress(ipv4: 0x7F00_0001)

    /// An address of IPv4, its first byte the highest.
    package init(ipv4: UInt32) {
        high = 0
        low = UInt64(ipv4)
        isIPv4 = true
    }

    /// An address of 4 or 16 bytes; one of IPv4 within IPv6 is one of IPv4.
    ///
    /// `nil` for any other count.
    package init?(bytes: some Collection<UInt8>) {
        let words = Array(bytes)
        let value = { (part: ArraySlice<UInt8>) in part.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } }
        switch words.count {
        case 4: self.init(ipv4: UInt32(value(words[...])))
        case 16:
            let (high, low) = (value(words[..<8]), value(words[8...]))
            if high == 0, low >> 32 == 0xFFFF {
                self.init(ipv4: UInt32(truncatingIfNeeded: low))
            } else {
                self.init(high: high, low: low, isIPv4: false)
            }
        default: return nil
        }
    }

    init?(_ address: SocketAddress?) {
        guard let address else { return nil }
        // The C structures hold the address behind family, port and, for IPv6, flow.
        let bytes = unsafe address.withSockAddr { start, count in
            unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
        }
        switch address {
        case .v4 where bytes.count >= 8: self.init(bytes: bytes[4..<8])
        case .v6 where bytes.count >= 24: self.init(bytes: bytes[8..<24])
        default: return nil
        }
    }

    private init(high: UInt64, low: UInt64, isIPv4: Bool) {
        (self.high, self.low, self.isIPv4) = (high, low, isIPv4)
    }

    /// The 4 or 16 bytes.
    package var bytes: [UInt8] {
        let all = [high, low].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
        return isIPv4 ? Array(all.suffix(4)) : all
    }

    /// The part of an address that one party surely holds alone: all of IPv4's, the first half of IPv6's.
    var network: WebAddress {
        isIPv4 ? self : WebAddress(high: high, low: 0, isIPv4: false)
    }

    /// Whether it is this machine itself.
    package var isLoopback: Bool {
        isIPv4 ? low >> 24 == 127 : high == 0 && low == 1
    }

    /// The address as people write it.
    package var description: String {
        if isIPv4 { return bytes.map { String($0) }.joined(separator: ".") }
        let words = [high, low].flatMap { word in
            stride(from: 48, through: 0, by: -16).map { UInt16(truncatingIfNeeded: word >> UInt64($0)) }
        }
        // RFC 5952: the longest run of zeros, two at least, becomes two colons.
        var (best, length) = (0, 1)
        for start in words.indices where words[start] == 0 {
            let run = words[start...].prefix { $0 == 0 }.count
            if run > length { (best, length) = (start, run) }
        }
        let text = { (words: ArraySlice<UInt16>) in words.map { String($0, radix: 16) }.joined(separator: ":") }
        if length < 2 { return text(words[...]) }
        return text(words[..<best]) + "::" + text(words[(best + length)...])
    }
}
