import Core
import Files
import Foundation
import Intake
import TestSupport
import Testing

@Suite("When a folder is taken up")
struct FolderScanTests {
    private let start = ContinuousClock.now

    private func look(_ scan: inout FolderScan, at seconds: Int, needs: [RequiredFile]? = []) -> FolderScan.State {
        scan.state(settle: .seconds(10), now: start + .seconds(seconds)) { _ in needs }
    }

    private func until(_ seconds: Int) -> FolderScan.State {
        .settling(until: start + .seconds(seconds))
    }

    @Test("a slow upload in steps is not taken up before it is complete and settled")
    func slowUpload() throws {
        let area = try DropArea()
        var scan = FolderScan("job", in: area.jobs)
        let needs = [RequiredFile("recipients.csv"), RequiredFile(anyOf: ["t.html", "t.txt"])]
        #expect(look(&scan, at: 0, needs: needs) == .incomplete("manifest.yaml is not there yet"))
        try area.drop("manifest.yaml")
        #expect(look(&scan, at: 100, needs: needs) == .incomplete("recipients.csv is not there yet"))
        try area.drop("recipients.csv.filepart", "a,")
        let unfinished = FolderScan.State.incomplete("recipients.csv.filepart looks like an unfinished transfer")
        #expect(look(&scan, at: 200, needs: needs) == unfinished)
        try Disk.move(area.path("recipients.csv.filepart"), to: area.path("recipients.csv"))
        #expect(look(&scan, at: 201, needs: needs) == .incomplete("t.html or t.txt is not there yet"))
        try area.drop("t.txt")
        #expect(look(&scan, at: 300, needs: needs) == until(310))
        try area.overwrite("recipients.csv", at: 2, with: Array("b\n".utf8))
        #expect(look(&scan, at: 309, needs: needs) == until(319))
        #expect(look(&scan, at: 318, needs: needs) == until(319))
        #expect(look(&scan, at: 319, needs: needs) == .ready)
    }

    @Test("any change starts the settle time again")
    func changes() throws {
        let area = try DropArea()
        try area.drop("manifest.yaml", "one")
        try area.drop("letters/a.pdf", "one")
        let changes: [() throws -> Void] = [
            { try area.drop("new", "") },
            { try area.remove("new") },
            { try area.drop("letters/deep/er/x", "") },
            { try Disk.move(area.path("letters/a.pdf"), to: area.path("letters/b.pdf")) },
            { try area.overwrite("letters/b.pdf", at: 3, with: [0x58]) },
        ]
        var scan = FolderScan("job", in: area.jobs)
        var now = 0
        #expect(look(&scan, at: now) == until(10))
        for change in changes {
            try change()
            now += 9
            #expect(look(&scan, at: now) == until(now + 10))
            #expect(look(&scan, at: now + 1) == until(now + 10))
        }
        #expect(look(&scan, at: now + 10) == .ready)
    }

    @Test("another file of the same name, length and time is a change")
    func replaced() throws {
        let area = try DropArea()
        let old = [FileAttributeKey.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)]
        for name in ["manifest.yaml", "spare"] {
            try area.drop(name, "same length")
            try FileManager.default.setAttributes(old, ofItemAtPath: area.path(name))
        }
        try Disk.move(area.path("spare"), to: area.path + "/spare")
        var scan = FolderScan("job", in: area.jobs)
        #expect(look(&scan, at: 0) == until(10))
        #expect(look(&scan, at: 5) == until(10))
        try Disk.move(area.path + "/spare", to: area.path("manifest.yaml"))
        #expect(look(&scan, at: 6) == until(16))
    }

    @Test("times of files do not count, only our own clock: a share may be years off")
    func foreignClock() throws {
        let area = try DropArea()
        try area.drop("manifest.yaml")
        for year in [-3e9, 0, 9e9] {
            let attributes = [FileAttributeKey.modificationDate: Date(timeIntervalSince1970: year)]
            try FileManager.default.setAttributes(attributes, ofItemAtPath: area.path("manifest.yaml"))
            var scan = FolderScan("job", in: area.jobs)
            #expect(look(&scan, at: 0) == until(10))
            #expect(look(&scan, at: 10) == .ready)
        }
    }

    @Test("what we write ourselves and what steers does not start the time again")
    func ownFiles() throws {
        let area = try DropArea()
        try area.drop("manifest.yaml")
        var scan = FolderScan("job", in: area.jobs)
        #expect(look(&scan, at: 0) == until(10))
        for name in ["status.json", ".status.json.5k.tmp", "PAUSE", "SHA256SUMS", "results.csv"] { try area.drop(name) }
        #expect(look(&scan, at: 9) == until(10))
        #expect(look(&scan, at: 10) == .ready)
    }

    @Test("READY ends the wait, but not for what is missing or unfinished")
    func ready() throws {
        let area = try DropArea()
        var scan = FolderScan("job", in: area.jobs)
        try area.drop("READY", "")
        #expect(look(&scan, at: 0) == .incomplete("manifest.yaml is not there yet"))
        try area.drop("manifest.yaml")
        #expect(look(&scan, at: 0, needs: [RequiredFile("r.csv")]) == .incomplete("r.csv is not there yet"))
        try area.drop("r.csv")
        try area.drop("letters/.x.pdf.swp")
        #expect(
            look(&scan, at: 0, needs: [RequiredFile("r.csv")])
                == .incomplete("letters/.x.pdf.swp looks like an unfinished transfer")
        )
        try area.remove("letters/.x.pdf.swp")
        #expect(look(&scan, at: 0, needs: [RequiredFile("r.csv")]) == .ready)
    }

    @Test(
        "unfinished transfers are known by their names",
        arguments: [".x", "x.part", "x.filepart", "x.TMP", "x~", "~$x"]
    )
    func unfinished(name: String) throws {
        let area = try DropArea()
        try area.drop("manifest.yaml")
        try area.drop(name)
        var scan = FolderScan("job", in: area.jobs)
        #expect(look(&scan, at: 0) == .incomplete("\(name) looks like an unfinished transfer"))
        #expect(look(&scan, at: 1_000) == .incomplete("\(name) looks like an unfinished transfer"))
    }

    @Test("a manifest that cannot be read is taken up when settled, so that the check can say why")
    func brokenManifest() throws {
        let area = try DropArea()
        try area.drop("manifest.yaml", "nam")
        var scan = FolderScan("job", in: area.jobs)
        #expect(look(&scan, at: 0, needs: nil) == until(10))
        #expect(look(&scan, at: 10, needs: nil) == .ready)
    }

    @Test(
        "a required name that will be refused anyway is not waited for",
        arguments: ["../x", "/etc/passwd", "x.part"]
    )
    func hopeless(name: String) throws {
        let area = try DropArea()
        try area.drop("manifest.yaml")
        try area.drop("READY", "")
        var scan = FolderScan("job", in: area.jobs)
        #expect(look(&scan, at: 0, needs: [RequiredFile(name)]) == .ready)
    }

    @Test("a marker says that the job ended", arguments: JobFiles.Marker.allCases)
    func finished(marker: JobFiles.Marker) throws {
        let area = try DropArea()
        var scan = FolderScan("job", in: area.jobs)
        try area.drop("manifest.yaml")
        try Disk.link(area.path(marker.rawValue), to: "manifest.yaml")
        #expect(look(&scan, at: 0) == until(10))
        try area.remove(marker.rawValue)
        try area.drop(marker.rawValue)
        #expect(look(&scan, at: 0) == .finished(marker))
    }

    @Test("what is no job folder is said so, and what is gone is gone", .timeLimit(.minutes(1)))
    func noFolder() throws {
        let area = try DropArea()
        try Disk.pipe(area.path + "/pipe")
        try Disk.link(area.path + "/link", to: "job")
        for name in ["pipe", "link"] {
            var scan = FolderScan(name, in: area.jobs)
            guard case .refused(let why) = look(&scan, at: 0) else {
                Issue.record("\(name) was not refused")
                continue
            }
            #expect(why.problem == "this is not a folder")
        }
        var scan = FolderScan("job", in: area.jobs)
        #expect(look(&scan, at: 0) == .incomplete("manifest.yaml is not there yet"))
        try FileManager.default.removeItem(atPath: area.path + "/job")
        #expect(look(&scan, at: 1) == .gone)
    }

    @Test("pipes, links and deep folders inside neither block nor are entered", .timeLimit(.minutes(1)))
    func strangeContent() throws {
        let area = try DropArea()
        try area.drop("manifest.yaml")
        try Disk.pipe(area.path("pipe"))
        try Disk.link(area.path("root"), to: "/")
        try Disk.link(area.path("self"), to: ".")
        var scan = FolderScan("job", in: area.jobs)
        #expect(look(&scan, at: 0) == until(10))
        try area.drop(String(repeating: "d/", count: 20) + "x")
        guard case .refused(let why) = look(&scan, at: 0) else {
            Issue.record("a deep folder was not refused")
            return
        }
        #expect(why.problem == "folders are nested too deep")
    }
}
