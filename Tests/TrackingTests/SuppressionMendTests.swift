import Core
import Files
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Tracking

private let names = ["a@x.example", "b@x.example", "c@x.example"]

private func tag(_ address: String) -> AddressTag {
    Fixture.tagger.tag(of: Fixture.address(address))
}

@Suite("Damage to the suppression list")
struct SuppressionMendTests {
    private func reasons(_ outbox: Outbox) throws -> [Reason?] {
        var list = outbox.list()
        try list.refresh()
        var reasons: [Reason?] = []
        for name in names { reasons.append(try list.reason(for: Fixture.address(name))) }
        return reasons
    }

    private func mend(_ outbox: Outbox) throws -> MendReport {
        try outbox.file.mend(Fixture.suppressionKey, events: outbox.events.reader(), in: outbox.events.directory)
    }

    @Test("Whatever byte of the file is changed, nobody is mailed by mistake, and mending lets the others' mail go on")
    func everyByte() throws {
        let outbox = try Outbox()
        for name in names { try outbox.file.append([.add(tag(name), address: Protected(name))]) }
        let good = try outbox.temporary.read(SuppressionFile.name)
        var unreadable = 0
        for place in stride(from: 0, to: good.count, by: 5) {
            var bad = good
            bad[place] = bad[place] == 0x58 ? 0x59 : 0x58
            try outbox.temporary.write(SuppressionFile.name, bad)
            try? FileManager.default.removeItem(atPath: outbox.temporary.path(SuppressionIndex.name))
            let before = try? reasons(outbox)
            // The last line's end may be gone, and then it waits to be finished.
            let isTail = place >= good.count - 1
            #expect(before == nil || isTail, "byte \(place) went unnoticed")
            let report = try mend(outbox)
            let after = try reasons(outbox)
            if report.lines.allSatisfy(\.isSaved), report.putAside == nil, !isTail {
                // What could be read keeps mail from somebody; a changed tag may be another's.
                #expect(after.count { $0 != nil } >= 2, "byte \(place)")
            } else {
                unreadable += 1
                #expect(after.count { $0 != nil } >= 2, "byte \(place)")
            }
            #expect(try mend(outbox).lines.isEmpty)
        }
        print("damage: \(unreadable) of \(good.count / 5) changed bytes left a line that could not be read")
    }

    @Test("A damaged line stops all mail, and mending finds the mailbox in it again")
    func damagedLine() throws {
        let outbox = try Outbox()
        for name in names { try outbox.file.append([.add(tag(name), scope: .list("news"), reason: .optedOut)]) }
        let text = try outbox.temporary.text(SuppressionFile.name)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var damaged = lines
        damaged[2] = String(lines[2].dropLast(20)) + "#######"
        try outbox.temporary.write(SuppressionFile.name, text: damaged.joined(separator: "\n"))
        #expect(throws: SuppressionList.Damaged.self) { try reasons(outbox) }
        let report = try mend(outbox)
        // The line behind it cannot be proved any more, and reads well.
        #expect(report.lines.map(\.isSaved) == [true, true])
        #expect(report.saved == 2)
        // Its scope could not be read, so that all mail is kept.
        #expect(try reasons(outbox) == [nil, .suppressedByHand, nil])
        var list = outbox.list()
        try list.refresh()
        for name in names {
            let reason = try list.reason(for: Fixture.address(name), list: "news")
            #expect(reason != nil)
        }
        // What was damaged stands there as it was.
        #expect(try outbox.temporary.text(SuppressionFile.name).hasPrefix(damaged[..<3].joined(separator: "\n")))
    }

    @Test("A damaged event stops all mail, too, and its opt-out is found again")
    func damagedEvent() async throws {
        let outbox = try Outbox()
        let log = try outbox.events.log()
        for name in names { try await log.append(Fixture.unsubscribe(name)) }
        let file = try #require(try outbox.events.names.first)
        var text = try outbox.events.temporary.text(file)
        text = text.replacingOccurrences(of: "\"n\":2,", with: "\"n\":7,")
        try outbox.events.temporary.write(file, text: text)
        #expect(throws: SuppressionList.Damaged.self) { try reasons(outbox) }
        #expect(try mend(outbox).saved == 1)
        #expect(try reasons(outbox) == [.optedOut, .optedOut, .optedOut])
    }

    @Test("A line that takes somebody off is not believed when it is damaged")
    func damagedRemoval() throws {
        let outbox = try Outbox()
        try outbox.file.append([.add(tag(names[0]))])
        try outbox.file.append([.remove(tag(names[0]))])
        let text = try outbox.temporary.text(SuppressionFile.name)
        try outbox.temporary.write(
            SuppressionFile.name,
            text: text.replacingOccurrences(of: "\"n\":2", with: "\"n\":3")
        )
        #expect(try mend(outbox).saved == 0)
        #expect(try reasons(outbox)[0] == .suppressedByHand)
    }

    @Test("A file under another key is put aside, and its addresses are on the new list")
    func otherKey() throws {
        let outbox = try Outbox()
        let otherKey = SecretBytes(random: 32)
        let other = SuppressionFile(outbox: outbox.directory, key: otherKey)
        let tagger = AddressTagger(key: otherKey)
        try other.append(names.map { .add(tagger.tag(of: Fixture.address($0)), address: Protected($0)) })
        #expect(throws: SuppressionList.Damaged.self) { try reasons(outbox) }
        let report = try mend(outbox)
        let aside = try #require(report.putAside)
        #expect(try outbox.directory.status(of: aside) != nil)
        #expect(try reasons(outbox) == Array(repeating: .suppressedByHand, count: 3))
    }
}

@Suite("The suppression list's signature")
struct SuppressionSignatureTests {
    private struct Signed {
        let outbox: Outbox
        let key = SigningKey.generate()

        init() throws { outbox = try Outbox() }

        var file: SuppressionFile {
            SuppressionFile(outbox: outbox.directory, key: Fixture.suppressionKey, signer: key)
        }

        /// What OpenSSL says, which knows nothing of us.
        func verifies() throws -> Bool {
            let pem = try outbox.temporary.write("records.pub.pem", key.publicPEM)
            return try Command.run([
                "openssl", "dgst", "-sha256", "-verify", pem, "-signature",
                outbox.temporary.path(SuppressionFile.signatureName), outbox.temporary.path(SuppressionFile.name),
            ]).status == 0
        }
    }

    @Test("After every addition OpenSSL finds the whole file signed")
    func signed() throws {
        let signed = try Signed()
        let file = signed.file
        for name in names {
            try file.append([.add(tag(name), address: Protected(name))])
            #expect(try signed.verifies())
        }
        try file.append([.remove(tag(names[0]))])
        #expect(try signed.verifies())
    }

    @Test("What was changed behind our back is never signed with an addition")
    func notLaundered() throws {
        let signed = try Signed()
        let file = signed.file
        try file.append(names.map { .add(tag($0)) })
        let outbox = signed.outbox
        let text = try outbox.temporary.text(SuppressionFile.name)
        try outbox.temporary.write(
            SuppressionFile.name,
            text: text.replacingOccurrences(of: tag(names[1]).description, with: tag("z@x.example").description)
        )
        #expect(try !signed.verifies())
        try file.append([.add(tag("d@x.example"))])
        #expect(try !signed.verifies())
        // Once somebody has looked at it, it is signed with the note of that.
        _ = try file.mend(Fixture.suppressionKey, events: nil, in: nil)
        #expect(try signed.verifies())
    }

    @Test(
        "A list from before there were signatures is signed with the next addition, and so is one whose signing was cut off"
    )
    func mendsItself() throws {
        let signed = try Signed()
        let outbox = signed.outbox
        try outbox.file.append([.add(tag(names[0]))])
        try signed.file.append([.add(tag(names[1]))])
        #expect(try signed.verifies())
        try outbox.file.append([.add(tag(names[2]))])
        #expect(try !signed.verifies())
        try signed.file.append([.remove(tag(names[2]))])
        #expect(try signed.verifies())
    }
}
