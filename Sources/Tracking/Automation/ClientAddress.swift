public import Core
internal import Glibc

/// An IP address that requests come from.
public struct ClientAddress: Hashable, Sendable, CustomStringConvertible {
    /// Its bytes in the network's order: four or sixteen.
    ///
    /// An IPv4 address in IPv6's clothes has four.
    public let bytes: [UInt8]

    /// Takes four or sixteen bytes.
    init(bytes: [UInt8]) {
        let isMapped =
            bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        self.bytes = isMapped ? Array(bytes[12...]) : bytes
    }

    /// Reads `192.0.2.7` or `2001:db8::7`, with or without a zone; `nil` for anything else.
    public init?(_ text: String) {
        let text = String(text.prefix { $0 != "%" })
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 16)
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard unsafe inet_pton(AF_INET6, text, &buffer) == 1 else { return nil }
            self.init(bytes: buffer)
        } else {
            guard unsafe inet_pton(AF_INET, text, &buffer) == 1 else { return nil }
            self.init(bytes: Array(buffer[..<4]))
        }
    }

    /// The address as people write it.
    public var description: String {
        if bytes.count == 4 { return bytes.map { String($0) }.joined(separator: ".") }
        var buffer = [CChar](repeating: 0, count: 46)
        var bytes = bytes
        guard unsafe inet_ntop(AF_INET6, &bytes, &buffer, socklen_t(buffer.count)) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The first of its network: of 256 addresses (/24) for IPv4, of a site's (/48) for IPv6.
    public var truncated: ClientAddress {
        ClientAddress(bytes: bytes.enumerated().map { $0.offset < (bytes.count == 4 ? 3 : 6) ? $0.element : 0 })
    }

    /// What a site keeps of it; `nil` for nothing.
    public func kept(_ keeping: AddressKeeping) -> String? {
        switch keeping {
        case .nothing: nil
        case .truncated: truncated.description
        case .full: description
        }
    }
}

/// A network: an address and how many of its bits count.
public struct ClientNetwork: Hashable, Sendable {
    /// The first address.
    public let base: ClientAddress
    /// How many bits count.
    public let length: Int

    /// Reads `192.0.2.0/24` or `2001:db8::/32`; `nil` for anything else, and if the address has bits behind the length.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let base = ClientAddress(String(parts[0])), let length = WholeNumber.read(parts[1]),
            length <= base.bytes.count * 8
        else { return nil }
        self.base = base
        self.length = length
        for (index, byte) in base.bytes.enumerated() where byte & ~Self.mask(length - index * 8) != 0 { return nil }
    }

    /// Whether an address is one of the network's.
    public func contains(_ address: ClientAddress) -> Bool {
        guard address.bytes.count == base.bytes.count else { return false }
        for index in 0..<((length + 7) / 8) {
            let mask = Self.mask(length - index * 8)
            if address.bytes[index] & mask != base.bytes[index] & mask { return false }
        }
        return true
    }

    private static func mask(_ bits: Int) -> UInt8 {
        bits >= 8 ? 0xFF : bits <= 0 ? 0 : ~(0xFF >> UInt8(bits))
    }
}
