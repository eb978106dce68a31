import Core
import Files
import Foundation
import Glibc
import Intake
import TestSupport
import Testing

@Suite("What is read in a job folder")
struct FolderRuleTests {
    private func refusal(_ name: String, _ prepare: (DropArea) throws -> Void) throws -> String {
        let area = try DropArea()
        try prepare(area)
        let folder = try area.folder()
        let refusal = #expect(throws: Diagnostic.self) { try folder.pin(name, as: .template) }
        return refusal?.problem ?? ""
    }

    @Test("links are not followed, to a file, a folder, nowhere or themselves")
    func links() throws {
        let targets = ["/etc/hostname", "real", "nowhere", "x", "../job/real"]
        for target in targets {
            let problem = try refusal("x") { area in
                try area.drop("real")
                try Disk.link(area.path("x"), to: target)
            }
            #expect(problem == "links are not followed")
        }
        let inside = try refusal("sub/real") { area in
            try area.drop("real")
            try Disk.link(area.path("sub"), to: ".")
        }
        #expect(inside == "links are not followed")
    }

    @Test("pipes, sockets, devices and folders are refused without waiting", .timeLimit(.minutes(1)))
    func special() throws {
        let kinds: [(DropArea) throws -> Void] = [
            { try Disk.pipe($0.path("x")) },
            { try Self.socket(at: $0.path("x")) },
            { try FileManager.default.createDirectory(atPath: $0.path("x"), withIntermediateDirectories: false) },
        ]
        for make in kinds {
            #expect(try refusal("x", make) == "this is a pipe, a socket, a device or a folder, not a file")
        }
    }

    private static func socket(at path: String) throws {
        let script = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])"
        try #require(Command.run(["python3", "-c", script, path]).status == 0)
    }

    @Test("a hard link is refused, since it may be somebody else's file")
    func hardLink() throws {
        let problem = try refusal("x") { area in
            try area.drop("real")
            try Disk.hardLink(area.path("x"), to: area.path("real"))
        }
        #expect(problem.hasPrefix("the file has 2 names"))
    }

    @Test("a file that everybody can write is refused")
    func writable() throws {
        #expect(
            try refusal("x") {
                try $0.drop("x"); try Disk.permit($0.path("x"), 0o666)
            } == "everybody can write here"
        )
    }

    @Test("a file that we may not read is refused with that reason", .enabled(if: geteuid() != 0, "root reads all"))
    func unreadable() throws {
        #expect(
            try refusal("x") {
                try $0.drop("x"); try Disk.permit($0.path("x"), 0)
            } == "we may not read this"
        )
    }

    @Test(
        "a name is below the folder, or it is refused without a look",
        arguments: [
            "", "/etc/passwd", "../x", "a/../../x", "a/../x", "./x", "a//x", "a/", "a\\x", "a\u{0}", "a\nb", ".hidden",
            "a/.hidden", "x.part", "x.FILEPART", "x.tmp", "x~", "~$x.xlsx", "https://x.example/a", "file:///etc/passwd",
            String(repeating: "x", count: 1_025),
        ]
    )
    func names(name: String) {
        #expect(JobFiles.objection(to: name) != nil)
    }

    @Test(
        "nothing in a name is unescaped or run",
        arguments: ["%2e%2e/x", "$(id)", "`id`", "~root", "a b.pdf", "ä.pdf"]
    )
    func literalNames(name: String) throws {
        #expect(JobFiles.objection(to: name) == nil)
        let area = try DropArea()
        #expect(throws: Diagnostic("the file is not there", at: Place(file: name))) {
            try area.folder().pin(name, as: .template)
        }
    }

    @Test("a folder that is a link, that everybody can write, or that is no folder is no job")
    func folders() throws {
        let area = try DropArea()
        try Disk.link(area.path + "/link", to: "job")
        try Disk.pipe(area.path + "/pipe")
        for name in ["link", "pipe", "none", "..", ".", "", "a/b", ".hidden"] {
            #expect(throws: Diagnostic.self) { try JobFolder(name, in: area.jobs) }
        }
        try Disk.permit(area.path + "/job", 0o777)
        let refusal = #expect(throws: Diagnostic.self) { try area.folder() }
        #expect(refusal?.problem == "everybody can write here")
    }

    @Test("a folder renamed, replaced or removed under way is noticed, and its files are read on")
    func inPlace() throws {
        let area = try DropArea()
        try area.drop("x", "one")
        let folder = try area.folder()
        #expect(folder.isInPlace)
        try Disk.move(area.path + "/job", to: area.path + "/other")
        #expect(!folder.isInPlace)
        #expect(try folder.pin("x", as: .template).contents() == Array("one".utf8))
        try area.drop("x", "two")
        #expect(!folder.isInPlace)
        #expect(try folder.pin("x", as: .template).contents() == Array("one".utf8))
        try FileManager.default.removeItem(atPath: area.path + "/job")
        try Disk.move(area.path + "/other", to: area.path + "/job")
        #expect(folder.isInPlace)
        try FileManager.default.removeItem(atPath: area.path + "/job")
        #expect(!folder.isInPlace)
    }

    @Test("only a regular file steers the job", arguments: JobFiles.Control.allCases)
    func control(_ control: JobFiles.Control) throws {
        let area = try DropArea()
        let folder = try area.folder()
        #expect(!folder.has(control))
        try Disk.link(area.path(control.rawValue), to: "/etc/hostname")
        #expect(!folder.has(control))
        try folder.remove(control)
        try area.drop(control.rawValue, "")
        #expect(folder.has(control))
        try folder.remove(control)
        #expect(!folder.has(control))
    }

    @Test("what we write and what steers is not content")
    func content() {
        let ours = [
            "status.json", "results.csv", "results.csv.sig", "DONE", ".results.csv.k3.tmp", ".status.json.1.tmp",
            ".tracking.csv.sig.new.tmp", ".tracking.csv.new.tmp.k3.tmp",
        ]
        for name in ours { #expect(JobFiles.isOurs(name) && !JobFiles.isContent(name)) }
        for name in ["READY", "PAUSE", "SHA256SUMS"] { #expect(!JobFiles.isOurs(name) && !JobFiles.isContent(name)) }
        for name in ["manifest.yaml", "results.csv.tmp", ".other.tmp", "done", "a.pdf"] {
            #expect(JobFiles.isContent(name))
        }
    }

    @Test("keys and configuration belong to us or root, and nobody else writes them")
    func ownership() throws {
        let area = try DropArea()
        try area.drop("k")
        func objection(_ mode: UInt32, _ use: Ownership.Use, user: UInt32? = nil) throws -> String? {
            try Disk.permit(area.path("k"), mode)
            let status = try #require(try area.jobs.status(of: "job/k"))
            return Ownership.objection(to: status, name: "k", use: use, user: user)?.problem
        }
        for mode: UInt32 in [0o600, 0o400, 0o640] { #expect(try objection(mode, .keys) == nil) }
        #expect(try objection(0o644, .keys) == "everybody can read this key")
        #expect(try objection(0o644, .configuration) == nil)
        for use in [Ownership.Use.keys, .configuration] {
            for mode: UInt32 in [0o620, 0o602, 0o660] { #expect(try objection(mode, use) == "others can write here") }
        }
        #expect(try objection(0o664, .job) == nil)
        #expect(try objection(0o666, .job) == "everybody can write here")
        if geteuid() != 0 {
            #expect(try objection(0o600, .keys, user: geteuid() + 1)?.hasPrefix("it belongs to user") == true)
        }
    }
}
