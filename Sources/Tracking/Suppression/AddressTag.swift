public import Core
public import OpenSSL

/// An address as the tracking side knows it: 16 bytes from which nobody can get back to the address without the site's
/// key.
public struct AddressTag: Hashable, Sendable, CustomStringConvertible {
    /// How many bytes a tag has.
    public static let byteCount = 16

    /// The first eight bytes, big-endian.
    let high: UInt64
    /// The last eight bytes, big-endian.
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Takes exactly 16 bytes; `nil` for any other count.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(high: bigEndian(bytes.prefix(8)), low: bigEndian(bytes.dropFirst(8)))
    }

    /// Reads 32 hexadecimal digits; `nil` for anything else.
    public init?(hex text: some StringProtocol) {
        guard let bytes = Hex.decode(text) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 16 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        bytes.append(bigEndian: high)
        bytes.append(bigEndian: low)
        return bytes
    }

    /// 32 hexadecimal digits, lower case.
    public var description: String {
        Hex.encode(bytes)
    }
}

/// Makes address tags under the site's suppression key, which never leaves the host that sends.
public struct AddressTagger: Sendable {
    private let mac: HMACSHA256

    /// Takes the site's suppression key.
    public init(key: SecretBytes) {
        mac = HMACSHA256(key: key)
    }

    /// The tag of a mailbox: the first 16 bytes of HMAC-SHA256 over ``Core/Address/canonical``.
    public func tag(of address: Address) -> AddressTag {
        let full = mac.tag(of: Array(address.canonical.utf8))
        return AddressTag(high: bigEndian(full[..<8]), low: bigEndian(full[8..<16]))
    }
}

func bigEndian<Integer: FixedWidthInteger>(_ bytes: some Collection<UInt8>) -> Integer {
    bytes.reduce(0) { $0 << 8 | Integer($1) }
}

extension [UInt8] {
    mutating func append<Integer: FixedWidthInteger>(bigEndian number: Integer) {
        for shift in stride(from: Integer.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> Integer(shift)))
        }
    }
}
