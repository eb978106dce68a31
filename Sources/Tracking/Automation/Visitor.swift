public import Core
internal import OpenSSL

/// Tells the devices that one message was read on apart.
///
/// 24 bits of a keyed hash over the job, the row, the requesting program's name and its address: the same device has the
/// same mark in one message and another one in every other. So short that some 250 IPv4 addresses share each mark, so
/// that not even who has the key gets an address back from it; two devices of one message share one by chance once in
/// sixteen million.
public struct VisitorMark: Hashable, Sendable, CustomStringConvertible {
    /// The 24 bits.
    public let value: UInt32

    /// Takes 24 bits; those above are dropped.
    public init(value: UInt32) {
        self.value = value & 0xFF_FFFF
    }

    /// Reads six hexadecimal digits; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard let bytes = Hex.decode(text), bytes.count == 3 else { return nil }
        self.init(value: bigEndian(bytes))
    }

    /// Six hexadecimal digits, lower case.
    public var description: String {
        Hex.encode([UInt8(value >> 16), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)])
    }
}

/// Where an address is, as a database of places says it.
public struct VisitorPlace: Hashable, Sendable {
    /// The country's ISO 3166 code, such as `US`.
    public var country: String
    /// The region's name, such as `Texas`; empty if it is not known.
    public var region: String
    /// The city's name, such as `Austin`; empty if it is not known.
    public var city: String

    /// Names a place.
    public init(country: String, region: String = "", city: String = "") {
        self.country = country
        self.region = region
        self.city = city
    }
}

/// Makes visitors' marks under a key of their own, derived from the token key.
public struct VisitorMarker: Sendable {
    private let mac: HMACSHA256

    /// Takes the token keys; the minting one counts.
    public init(_ keys: TokenKeys) {
        mac = keys.derived(keys.minting, for: "wardpost visitors v1")
    }

    /// The mark of a program at an address that asked for something of a message.
    public func mark(job: JobID, row: RowNumber, agent: String, address: [UInt8]) -> VisitorMark {
        var text: [UInt8] = []
        text.reserveCapacity(16 + 1 + address.count + agent.utf8.count)
        TokenContent.appendHead(job, row, to: &text)
        text.append(UInt8(address.count))
        text.append(contentsOf: address)
        text.append(contentsOf: agent.utf8)
        return VisitorMark(value: bigEndian(mac.tag(of: text)[..<3]))
    }
}

/// Writes into events what a site keeps of those who make requests.
public struct VisitorNotes: Sendable {
    private let marker: VisitorMarker
    private let addresses: AddressKeeping
    private let places: PlaceDatabase?

    /// Takes the token keys, and what the site keeps: no addresses and no places unless it says so.
    public init(_ keys: TokenKeys, addresses: AddressKeeping = .nothing, places: PlaceDatabase? = nil) {
        marker = VisitorMarker(keys)
        self.addresses = addresses
        self.places = places
    }

    /// Notes who caused an event.
    public func note(_ address: ClientAddress?, on event: inout Event) {
        note(visitor(at: address), on: &event)
    }

    /// What is the same for all requests from an address.
    struct Visitor: Sendable {
        fileprivate var bytes: [UInt8]
        fileprivate var address: String?
        fileprivate var place: VisitorPlace?
    }

    func visitor(at address: ClientAddress?) -> Visitor {
        guard let address else { return Visitor(bytes: []) }
        return Visitor(bytes: address.bytes, address: address.kept(addresses), place: places?.place(of: address))
    }

    func note(_ visitor: Visitor, on event: inout Event) {
        event.visitor = marker.mark(job: event.job, row: event.row, agent: event.agent, address: visitor.bytes)
        event.address = visitor.address
        event.place = visitor.place
    }
}
