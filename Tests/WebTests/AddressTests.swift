import Testing

@testable import Web

@Suite("Addresses of clients")
struct AddressTests {
    @Test(
        "an address is written as RFC 5952 says, and one of IPv4 within IPv6 is one of IPv4",
        arguments: [
            ([192, 0, 2, 7] as [UInt8], "192.0.2.7"),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7], "192.0.2.7"),
            ([0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1], "2001:db8::1"),
            ([UInt8](repeating: 0, count: 15) + [1], "::1"),
            ([0x20, 0x01, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1], "2001:0:1::1:1"),
        ]
    )
    func texts(bytes: [UInt8], text: String) throws {
        #expect(try #require(WebAddress(bytes: bytes)).description == text)
    }

    @Test("all of a /64 is one network, and every address of IPv4 its own")
    func networks() throws {
        let one = try #require(WebAddress(bytes: [0x20, 1, 0xD, 0xB8, 0, 0, 0, 5] + [UInt8](repeating: 1, count: 8)))
        let two = try #require(WebAddress(bytes: [0x20, 1, 0xD, 0xB8, 0, 0, 0, 5] + [UInt8](repeating: 2, count: 8)))
        let far = try #require(WebAddress(bytes: [0x20, 1, 0xD, 0xB8, 0, 0, 0, 6] + [UInt8](repeating: 1, count: 8)))
        #expect(one.network == two.network)
        #expect(one.network != far.network)
        #expect(WebAddress(ipv4: 1).network != WebAddress(ipv4: 2).network)
        #expect(WebAddress(bytes: [1, 2, 3]) == nil)
    }

    @Test("this machine's own addresses are known")
    func loopback() throws {
        #expect(WebAddress.loopback.isLoopback)
        #expect(WebAddress(ipv4: 0x7F01_0203).isLoopback)
        #expect(try #require(WebAddress(bytes: [UInt8](repeating: 0, count: 15) + [1])).isLoopback)
        #expect(!WebAddress(ipv4: 0x0A00_0001).isLoopback)
    }
}
