import Core
import Foundation
import TestSupport
import Testing

@testable import Tracking

/// Places from a MaxMind DB file that another program made; see `Places/make-places.pl`.
@Suite("Places")
struct PlaceTests {
    private static func fixture(_ name: String, _ file: String = #filePath) -> String {
        URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("Places/\(name)").path
    }

    private func place(_ text: String, in database: PlaceDatabase) throws -> VisitorPlace? {
        database.place(of: try #require(ClientAddress(text)))
    }

    /// Renames a file over another, as `geoipupdate` does.
    private func put(_ source: String, _ target: String) throws {
        let status = unsafe rename(source, target)
        #expect(status == 0)
    }

    @Test(
        "country, region and city of an address",
        arguments: [
            ("192.0.2.0", VisitorPlace(country: "US", region: "Texas", city: "Austin")),
            ("192.0.2.255", VisitorPlace(country: "US", region: "Texas", city: "Austin")),
            ("::ffff:192.0.2.9", VisitorPlace(country: "US", region: "Texas", city: "Austin")),
            ("198.51.100.7", VisitorPlace(country: "DE", region: "Bavaria", city: "Röthenbach an der Pegnitz")),
            ("198.51.100.128", nil), ("203.0.113.5", VisitorPlace(country: "JP")),
            ("2001:db8::1", VisitorPlace(country: "FR")), ("2001:db9::1", nil),
            // A line break in a name goes; what a spreadsheet would run is the CSV's to mend.
            ("2001:db8:7::1", VisitorPlace(country: "ES", region: "Andalusia", city: "Cádiz=1+1")),
        ]
    )
    func places(address: String, expected: VisitorPlace?) throws {
        let database = try PlaceDatabase(path: Self.fixture("places.mmdb"))
        #expect(try place(address, in: database) == expected)
    }

    @Test(
        "what we read is what mmdblookup reads",
        .enabled(if: Command.exists("mmdblookup"), "needs mmdblookup"),
        arguments: ["192.0.2.44", "198.51.100.7", "203.0.113.5", "2001:db8::1", "192.0.3.1"]
    )
    func differential(address: String) throws {
        let file = Self.fixture("places.mmdb")
        func peer(_ path: [String]) throws -> String {
            let answer = try Command.run(["mmdblookup", "--file", file, "--ip", address] + path).text
            return answer.split(separator: "\"").dropFirst().first.map(String.init) ?? ""
        }
        let ours = try place(address, in: PlaceDatabase(path: file))
        let country = try peer(["country", "iso_code"])
        #expect(ours?.country ?? "" == (country.isEmpty ? try peer(["registered_country", "iso_code"]) : country))
        #expect(ours?.region ?? "" == (try peer(["subdivisions", "0", "names", "en"])))
        #expect(ours?.city ?? "" == (try peer(["city", "names", "en"])))
    }

    @Test("a file that takes the old one's place is opened; a broken one leaves the old one in use")
    func replaced() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path("city.mmdb")
        let files = FileManager.default
        try files.copyItem(atPath: Self.fixture("places.mmdb"), toPath: path)
        let database = try PlaceDatabase(path: path, rest: .zero)
        #expect(try place("192.0.2.9", in: database)?.city == "Austin")
        try folder.write("broken", text: "this is no database")
        try put(folder.path("broken"), path)
        #expect(try place("192.0.2.9", in: database)?.city == "Austin")
        try files.copyItem(atPath: Self.fixture("moved.mmdb"), toPath: folder.path("new"))
        try put(folder.path("new"), path)
        #expect(try place("192.0.2.9", in: database)?.city == "Toronto")
        try files.removeItem(atPath: path)
        #expect(try place("192.0.2.9", in: database)?.city == "Toronto")
    }

    @Test("a broken file that takes the old one's place is tried once, not with every question until somebody notices")
    func brokenOnce() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path("city.mmdb")
        let files = FileManager.default
        let moved = try Data(contentsOf: URL(fileURLWithPath: Self.fixture("moved.mmdb")))
        func write(_ bytes: Data, at second: Double) throws {
            try bytes.write(to: URL(fileURLWithPath: path))
            try files.setAttributes([.modificationDate: Date(timeIntervalSince1970: second)], ofItemAtPath: path)
        }
        try files.copyItem(atPath: Self.fixture("places.mmdb"), toPath: path)
        let database = try PlaceDatabase(path: path, rest: .zero)
        try files.removeItem(atPath: path)
        try write(Data(repeating: 0x78, count: moved.count), at: 1_000)
        #expect(try place("192.0.2.9", in: database)?.city == "Austin")
        // The same by all that tells files apart: whoever opened it again would find out.
        try write(moved, at: 1_000)
        #expect(try place("192.0.2.9", in: database)?.city == "Austin")
        try write(moved, at: 2_000)
        #expect(try place("192.0.2.9", in: database)?.city == "Toronto")
    }

    @Test("a file that cannot be used is refused in words", arguments: ["", "this is no database"])
    func refused(content: String) throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write("city.mmdb", text: content)
        #expect(throws: PlaceDatabase.Refused.self) { _ = try PlaceDatabase(path: path) }
        do {
            _ = try PlaceDatabase(path: folder.path("missing.mmdb"))
            Issue.record("a missing file was taken")
        } catch {
            #expect(error.description.hasPrefix(folder.path("missing.mmdb")))
            #expect(error.description.contains("MaxMind DB"))
        }
    }

    @Test("an event says where its address is, also where the address itself is not kept")
    func event() throws {
        var event = Fixture.open(1)
        let database = try PlaceDatabase(path: Self.fixture("places.mmdb"))
        VisitorNotes(Fixture.keys, places: database).note(ClientAddress("192.0.2.77"), on: &event)
        #expect(event.place == VisitorPlace(country: "US", region: "Texas", city: "Austin"))
        #expect(event.address == nil)
    }
}
