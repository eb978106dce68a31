import Files
import Foundation
import Synchronization
import Testing

/// A directory of a test's own, removed with it.
final class Scratch {
    let path: String
    let directory: Directory

    init() throws {
        path = NSTemporaryDirectory() + "wardpost-files-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        directory = try Directory(path: path)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: path + "/" + name, atomically: false, encoding: .utf8)
    }
}

@Suite struct DirectoryTests {
    @Test func regularFileIsReadWhole() throws {
        let scratch = try Scratch()
        try scratch.write("a.txt", "hello")
        #expect(try scratch.directory.read("a.txt", limit: 5) == Array("hello".utf8))
    }

    @Test func fileOverTheLimitIsRefused() throws {
        let scratch = try Scratch()
        try scratch.write("a.txt", "hello!")
        #expect(throws: FileError.self) { try scratch.directory.read("a.txt", limit: 5) }
    }

    @Test(arguments: ["../outside", "/etc/passwd", "link", "linked/inside", "dir/../../outside", "loop"])
    func nameThatLeadsElsewhereIsRefused(name: String) throws {
        let outer = try Scratch()
        try outer.write("outside", "secret")
        try FileManager.default.createDirectory(atPath: outer.path + "/job/dir", withIntermediateDirectories: true)
        try outer.write("inside", "secret")
        try FileManager.default.createSymbolicLink(atPath: outer.path + "/job/link", withDestinationPath: "/etc/passwd")
        try FileManager.default.createSymbolicLink(atPath: outer.path + "/job/linked", withDestinationPath: "..")
        try FileManager.default.createSymbolicLink(atPath: outer.path + "/job/loop", withDestinationPath: "loop")
        let job = try outer.directory.open(subdirectory: "job")
        let error = #expect(throws: FileError.self) { try job.openRegular(name) }
        #expect(error?.isEscape == true)
    }

    @Test func pipeIsRefusedWithoutWaiting() throws {
        let scratch = try Scratch()
        let made = unsafe mkfifo(scratch.path + "/pipe", 0o600)
        #expect(made == 0)
        let error = #expect(throws: FileError.self) { try scratch.directory.openRegular("pipe") }
        #expect(error?.description == "cannot open pipe: it is not a regular file")
    }

    @Test func listIsSortedByBytes() throws {
        let scratch = try Scratch()
        for name in ["b", "a", "Z", "ä"] { try scratch.write(name, "") }
        #expect(try scratch.directory.list() == ["Z", "a", "b", "ä"])
    }

    @Test func replacedFileHasNewContentAndModeAndNothingElseStays() throws {
        let scratch = try Scratch()
        try scratch.write("out.csv", "old")
        var seen: [UInt8] = []
        try scratch.directory.replace("out.csv", permissions: 0o640, tap: { seen += $0 }) { writer in
            try writer.append("new")
        }
        #expect(try scratch.directory.read("out.csv", limit: 10) == Array("new".utf8))
        #expect(seen == Array("new".utf8))
        #expect(try scratch.directory.status(of: "out.csv")?.permissions == 0o640)
        #expect(try scratch.directory.list() == ["out.csv"])
    }

    @Test func failedReplacementLeavesTheOldFileAndNothingElse() throws {
        struct Stop: Error {}
        let scratch = try Scratch()
        try scratch.write("out.csv", "old")
        #expect(throws: Stop.self) {
            try scratch.directory.replace("out.csv") { writer in
                try writer.append("half")
                throw Stop()
            }
        }
        #expect(try scratch.directory.read("out.csv", limit: 10) == Array("old".utf8))
        #expect(try scratch.directory.list() == ["out.csv"])
    }

    @Test func probeLeavesNothing() throws {
        let scratch = try Scratch()
        try scratch.directory.probe("out.csv")
        #expect(try scratch.directory.list() == [])
    }

    #if DEBUG || FAULT_DOOR
        @Test(arguments: [
            (Directory.Durability.full, [".out.csv", ""]), (.content, [".out.csv"]), (.none, []),
        ])
        func replacementSyncsWhatItPromises(durability: Directory.Durability, synced: [String]) throws {
            let scratch = try Scratch()
            let seen = Mutex<[String]>([])
            // Opened above it, so that the directory itself is seen, too.
            let parent = (scratch.path as NSString).deletingLastPathComponent
            let folder = (scratch.path as NSString).lastPathComponent
            let door = FaultDoor(below: parent) { operation, path in
                guard operation == .sync, path.hasPrefix(folder) else { return nil }
                let name = path.dropFirst(folder.count + 1).prefix(8)
                seen.withLock { $0.append(String(name)) }
                return nil
            }
            defer { door.close() }
            try scratch.directory.replace("out.csv", durability: durability) { try $0.append("new") }
            #expect(seen.withLock { $0 } == synced)
            #expect(try scratch.directory.read("out.csv", limit: 10) == Array("new".utf8))
        }

        @Test func probeFailsWhereNothingCanBeWritten() throws {
            let scratch = try Scratch()
            let door = FaultDoor(below: scratch.path) { operation, _ in operation == .write ? ENOSPC : nil }
            defer { door.close() }
            #expect(throws: FileError.self) { try scratch.directory.probe("out.csv") }
            #expect(try scratch.directory.list() == [])
        }
    #endif

    @Test func plantedLinkIsReplacedAndItsTargetUntouched() throws {
        let scratch = try Scratch()
        try scratch.write("target", "precious")
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/out.csv", withDestinationPath: "target")
        try scratch.directory.replace("out.csv") { try $0.append("new") }
        #expect(try scratch.directory.read("target", limit: 10) == Array("precious".utf8))
        #expect(try scratch.directory.status(of: "out.csv")?.kind == .regular)
    }

    @Test func lockIsHeldAgainstAnotherOpenFile() throws {
        let scratch = try Scratch()
        var first: Descriptor? = try scratch.directory.openAppending("lock")
        let second = try scratch.directory.openAppending("lock")
        #expect(try first?.lock() == true)
        #expect(try second.lock() == false)
        first = nil
        #expect(try second.lock() == true)
    }

    @Test func exclusiveCreationFailsOnWhatIsThere() throws {
        let scratch = try Scratch()
        _ = try scratch.directory.create("once")
        let error = #expect(throws: FileError.self) { try scratch.directory.create("once") }
        #expect(error?.code == EEXIST)
    }

    @Test func anonymousFileLeavesNoName() throws {
        let scratch = try Scratch()
        let file = try scratch.directory.createAnonymous()
        try file.write(Array("kept".utf8))
        #expect(try file.read(at: 0, count: 10) == Array("kept".utf8))
        #expect(try scratch.directory.list().isEmpty)
    }

    @Test func linkGivesASecondNameOnce() throws {
        let scratch = try Scratch()
        try scratch.write("a", "one")
        try scratch.write("taken", "two")
        try scratch.directory.link("a", to: "b")
        #expect(try scratch.directory.status(of: "b")?.links == 2)
        let error = #expect(throws: FileError.self) { try scratch.directory.link("a", to: "taken") }
        #expect(error?.isThere == true)
        #expect(try scratch.directory.read("taken", limit: 10) == Array("two".utf8))
    }

    @Test func bytesAreWrittenInPlace() throws {
        let scratch = try Scratch()
        let file = try scratch.directory.createWritable("a")
        try file.write(Array("hello".utf8), at: 0)
        try file.write(Array("LL".utf8), at: 2)
        #expect(try scratch.directory.read("a", limit: 10) == Array("heLLo".utf8))
    }

    @Test func aCopyIsBornLaterThanWhatItWasCopiedFrom() throws {
        let scratch = try Scratch()
        try scratch.write("a", "one")
        let birth = try scratch.directory.openRegular("a").birth
        try FileManager.default.copyItem(atPath: scratch.path + "/a", toPath: scratch.path + "/b")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)],
            ofItemAtPath: scratch.path + "/b"
        )
        #expect(try scratch.directory.openRegular("a").birth == birth)
        let copy = try scratch.directory.openRegular("b")
        // Some file systems do not say; and the kernel's clock ticks some hundred times a second.
        #expect(birth == 0 || copy.birth >= birth)
        #expect(try copy.status().inode != scratch.directory.status(of: "a")?.inode)
    }

    @Test func whoeverIsForbiddenChangesNothingAndLeavesNothing() throws {
        let scratch = try Scratch()
        try scratch.write("a", "one")
        let forbidden = scratch.directory.guarded { () throws(FileError) in throw FileError(.write, "x", code: EACCES) }
        #expect(throws: FileError.self) { try forbidden.replace("a") { try $0.append("two") } }
        #expect(throws: FileError.self) { try forbidden.remove("a") }
        #expect(throws: FileError.self) { try forbidden.rename("a", to: "b") }
        #expect(try scratch.directory.read("a", limit: 10) == Array("one".utf8))
        #expect(try scratch.directory.list() == ["a"])
        let allowed = scratch.directory.guarded {}
        try allowed.replace("a") { try $0.append("two") }
        #expect(try forbidden.read("a", limit: 10) == Array("two".utf8))
    }
}
