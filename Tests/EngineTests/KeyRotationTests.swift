import Core
import Files
import Foundation
import OpenSSL
import TestSupport
import Testing
import Tracking

@testable import Engine

@Suite("Token keys")
struct KeyRotationTests {
    private static let first = String(repeating: "0a", count: 32)
    private static let second = String(repeating: "0B", count: 32)

    @Test("a file with one key, as older versions made it, is key 1")
    func single() throws {
        let file = try #require(TrackingKeyFile(Array("\(Self.first)\n".utf8)))
        #expect(file.keys.map(\.id) == [1])
        #expect(file.keys[0].since == nil)
    }

    @Test("a file is read as it is written")
    func roundTrip() throws {
        let text = "# Keys\n\n1 \(Self.first)\n7 2026-11-22 04:00:00 \(Self.second)\n"
        let file = try #require(TrackingKeyFile(Array(text.utf8)))
        let again = try #require(TrackingKeyFile(file.text))
        for file in [file, again] {
            #expect(file.keys.map(\.id) == [1, 7])
            #expect(file.keys[1].since == Timestamp(year: 2026, month: 11, day: 22, hour: 4))
            #expect(file.keys[0].secret == SecretBytes(copying: Array(repeating: 0x0A, count: 32)))
            #expect(file.keys[1].secret == SecretBytes(copying: Array(repeating: 0x0B, count: 32)))
        }
    }

    @Test(
        "a file with anything else in it is refused as a whole",
        arguments: [
            "", "\n# nothing\n", "abc", "0 \(first)", "256 \(first)", "x \(first)", "1 \(first)\n1 \(second)",
            "1 2026-11-22 \(first)", "1 2026-13-22 04:00:00 \(first)", "1 \(first.dropLast(2))",
            "1 \(first) more words",
        ]
    )
    func wrong(text: String) {
        #expect(TrackingKeyFile(Array(text.utf8)) == nil)
    }

    @Test("numbers are never given twice, and there are 255 of them")
    func numbers() throws {
        var file = try #require(TrackingKeyFile(Array("254 \(Self.first)\n".utf8)))
        let time = Timestamp(seconds: 0)
        #expect(file.add(from: time)?.id == 255)
        #expect(file.add(from: time)?.id == 1)
        for _ in 0..<252 { _ = file.add(from: time) }
        #expect(Set(file.keys.map(\.id)).count == 255)
        #expect(file.add(from: time) == nil)
    }

    @Test("a rotation keeps the old keys, seals with the new one, and must not go back in time")
    func rotation() throws {
        let scratch = try TemporaryDirectory()
        let path = scratch.path("site")
        try SiteInit.make(at: path)
        let site = try Site.open(path)
        let before = try site.keys().tokens
        let now = Timestamp.now
        let report = try KeyRotation(site: site).rotateTracking(from: now)
        #expect(report.key == 2 && report.keys == 2 && report.file == "keys/tracking.key")
        let after = try site.keys().tokens
        #expect(after.minting.id == 2)
        #expect(after.all.map(\.id) == [2, 1])
        #expect(after.all[1].secret == before.minting.secret)
        #expect(after.all[1].end == now + 400 * 86_400)
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "/keys/tracking.key")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(throws: EngineError.self) { try KeyRotation(site: site).rotateTracking(from: now) }
        _ = try KeyRotation(site: site).rotateTracking(from: now + 3_600)
        #expect(try site.keys().tokens.minting.id == 2, "a key to come seals nothing yet")
        #expect(try site.keys().tokens.all.count == 3)
    }

    @Test("a process that runs has a new key at once; a file that cannot be used leaves the keys that were there")
    func whileRunning() throws {
        let scratch = try TemporaryDirectory()
        let path = scratch.path("site")
        try SiteInit.make(at: path)
        let site = try Site.open(path)
        let keys = try site.keys()
        let tracker = try SiteKeys.trackingKeys(in: try site.keyDirectory(), name: "keys")
        _ = try KeyRotation(site: site).rotateTracking()
        #expect(keys.tokens.minting.id == 2 && keys.tokens.all.count == 2)
        #expect(try tracker.renewed()?.minting.id == 2)
        let file = path + "/keys/tracking.key"
        let good = try String(contentsOfFile: file, encoding: .utf8)
        for text in ["", "2 not a key\n", String(good.dropLast(3))] {
            // In place, as an editor or `cp` does.
            let handle = try #require(FileHandle(forWritingAtPath: file))
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: Data(text.utf8))
            try handle.close()
            for _ in 0..<2 { #expect(throws: EngineError.self) { try tracker.renewed() } }
            #expect(tracker.current.minting.id == 2 && keys.tokens.minting.id == 2)
        }
        let handle = try #require(FileHandle(forWritingAtPath: file))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(good.utf8))
        try handle.close()
        #expect(try tracker.renewed() == nil)
        // Others may read it: that is no key any more.
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        #expect(throws: EngineError.self) { try tracker.renewed() }
        try FileManager.default.removeItem(atPath: file)
        #expect(throws: EngineError.self) { try tracker.renewed() }
        #expect(tracker.current.all.count == 2)
    }
}
