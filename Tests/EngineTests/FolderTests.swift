import Compose
import Core
import Files
import Foundation
import Intake
import OpenSSL
import Records
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// What of a folder and a site makes a job.
@Suite struct FolderTests {
    private func source(_ bench: Bench, _ name: String) throws -> String? {
        let folder = try JobFolder("visit", in: try bench.site.jobs())
        return try TemplateFiles(folder: folder, site: bench.site.templates).source(name)
            .map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    // MARK: - Templates

    @Test("A template is looked for in the job's folder, then in the site's")
    func order() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        try bench.scratch.write("templates/a.html", text: "site a")
        try bench.scratch.write("templates/b.html", text: "site b")
        try bench.drop("a.html", in: "visit", text: "job a")
        #expect(try source(bench, "a.html") == "job a")
        #expect(try source(bench, "b.html") == "site b")
        #expect(try source(bench, "c.html") == nil)
    }

    @Test(
        "No name leads out of the two",
        arguments: ["../wardpost.yaml", "/etc/passwd", "a/../../keys/site.key", "", "x\0y"]
    )
    func escapes(name: String) async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        #expect(try source(bench, name) == nil)
    }

    @Test(
        "A template that is a link, in the job's folder or the site's, is refused",
        arguments: ["jobs/visit", "templates"]
    )
    func links(place: String) async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        try FileManager.default.createSymbolicLink(
            atPath: bench.scratch.path(place + "/a.html"),
            withDestinationPath: bench.scratch.path("keys/site.key")
        )
        #expect(throws: Diagnostic.self) { try source(bench, "a.html") }
    }

    @Test("A template of the site's that others can write is refused")
    func writable() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        let path = try bench.scratch.write("templates/a.html", text: "a")
        try FileManager.default.setAttributes([.posixPermissions: 0o664], ofItemAtPath: path)
        #expect(throws: Diagnostic.self) { try source(bench, "a.html") }
    }

    @Test("A site's template is part of the job's identity")
    func pinned() async throws {
        let bench = try await Bench()
        var job = TestJob.rows(1)
        job.files["visit.txt"] = nil
        try bench.job("visit", job)
        try bench.scratch.write("templates/visit.txt", text: "{{note}} one\n")
        let first = try bench.prepared("visit").id
        #expect(try bench.prepared("visit").id == first)
        try bench.scratch.write("templates/visit.txt", text: "{{note}} two\n")
        #expect(try bench.prepared("visit").id != first)
    }

    // MARK: - Columns

    private func problems(_ change: (inout TestJob) -> Void) async throws -> [Diagnostic] {
        let bench = try await Bench()
        var job = TestJob.rows(2)
        change(&job)
        try bench.job("visit", job)
        let folder = try JobFolder("visit", in: try bench.site.jobs())
        return JobChecker(site: bench.site, keys: bench.worker.keys).check(folder).problems
    }

    @Test("A column that is not there is reported at its place, with the name that was probably meant")
    func columns() async throws {
        let found = try await problems {
            $0.files["recipients.csv"] = "e-mail,reff,note\na@example.test,1,x\n"
        }
        let texts = found.map(\.description)
        #expect(texts.contains { $0.hasPrefix("manifest.yaml:8:12: ") && $0.contains("e-mail") })
        #expect(texts.contains { $0.hasPrefix("manifest.yaml:9:8: ") && $0.contains("reff") })
    }

    @Test("Marketing lacks its columns by name")
    func marketing() async throws {
        let found = try await problems {
            $0.files["manifest.yaml"] = $0.files["manifest.yaml"]?.replacingOccurrences(
                of: "treatment",
                with: "marketing"
            )
        }
        let text = found.map(\.description).joined(separator: "\n")
        #expect(text.contains("authorization") && text.contains("authorization_expires"))
    }

    @Test("Every problem is told at once")
    func atOnce() async throws {
        let found = try await problems {
            $0.files["manifest.yaml"] = $0.files["manifest.yaml"]?
                .replacingOccurrences(of: "riverside.example", with: "elsewhere.example")
                .replacingOccurrences(of: "subject: Your visit", with: "subject: About {{note}}")
            $0.files["visit.txt"] = "{{nope}}\n"
        }
        let errors = found.filter { $0.severity == .error }
        #expect(errors.count >= 3, "\(found)")
    }

    @Test(
        "No problem repeats a cell",
        arguments: ["a@b@canary.test", "canary", "\u{1}canary@example.test", "canary @x.test"]
    )
    func silent(cell: String) async throws {
        let found = try await problems { $0.files["recipients.csv"] = "email,ref,note\n\(cell),canary,canary\n" }
        #expect(!found.isEmpty && !found.map(\.description).joined().contains("canary"))
    }

    // MARK: - Completeness

    private func required(_ bench: Bench, _ job: TestJob) throws -> Set<[String]>? {
        try bench.job("visit", job)
        let folder = try JobFolder("visit", in: try bench.site.jobs())
        return RequiredFiles(site: bench.site).of(folder).map { Set($0.map(\.anyOf)) }
    }

    @Test("A folder needs what its manifest names and the site has not")
    func needs() async throws {
        let bench = try await Bench()
        let job = TestJob(
            manifest: """
                attachments: [{file: terms.pdf, name: terms.pdf}, {file: "letters/{{ref}}.pdf", name: letter.pdf}]
                inline_images: [{file: logo.png, id: logo}]

                """
        )
        #expect(
            try required(bench, job)
                == [["recipients.csv"], ["visit.html", "visit.txt"], ["terms.pdf"], ["logo.png"]]
        )
        try bench.scratch.write("templates/visit.html", text: "x")
        try bench.scratch.write("templates/logo.png", text: "x")
        #expect(try required(bench, job) == [["recipients.csv"], ["terms.pdf"]])
    }

    @Test("A manifest that cannot be read needs nothing: the check says what is wrong with it")
    func unreadable() async throws {
        let bench = try await Bench()
        var job = TestJob()
        job.files["manifest.yaml"] = "name: [\n"
        #expect(try required(bench, job) == nil)
    }

    // MARK: - Before anything is sent

    @Test(
        "A folder in which results could not be written gets nothing sent",
        arguments: ["results.csv", "summary.html", "DONE.x", "status.json"]
    )
    func planted(name: String) async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(2))
        let path = bench.scratch.path("jobs/visit/\(name)")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let word = try await bench.work("visit").word
        #expect(word == (name == "DONE.x" ? "done" : "try again"))
        #expect(bench.relay.recipients.count == (name == "DONE.x" ? 2 : 0))
    }

    @Test("Planted links are replaced, and what they lead to stays as it is")
    func plantedLinks() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(2))
        let target = try bench.scratch.write("victim", text: "untouched")
        for name in ["results.csv", "results.csv.sig", "status.json", "summary.html", "DONE", "problems.csv"] {
            try FileManager.default.createSymbolicLink(
                atPath: bench.scratch.path("jobs/visit/\(name)"),
                withDestinationPath: target
            )
        }
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.scratch.text("victim") == "untouched")
        #expect(try bench.results("visit", "status") == ["sent", "sent"])
    }

    @Test("Whatever a kill leaves of records that were being written is ours: nobody waits for it, and it is swept")
    func leftBehind() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        let folder = try JobFolder("visit", in: try bench.site.jobs())
        let seen = Mutex<Set<String>>([])
        // Asked whenever a name is about to change.
        let watched = folder.directory.guarded { () throws(FileError) in
            let names = try folder.directory.list()
            seen.withLock { $0.formUnion(names) }
        }
        let signer = Signer(.generate())
        for _ in 1...2 {
            for name in [JobFiles.results, "tracking.csv", "summary.json", "ehr-updates.csv"] {
                try signer.replace(name, in: watched, permissions: 0o600) { try $0.append("key\n") }
            }
            let records = try JobRecords(folder: watched, signer: signer)
            try records.writeStatus(JobStatus(.running, name: "visit", updated: .now))
            try records.writeEnd(.done, "All is done.")
        }
        let left = seen.withLock { $0 }.filter { $0.hasPrefix(".") }
        #expect(left.count > 10)
        for name in left { #expect(JobFiles.isOurs(name), "\(name)") }
        for name in try folder.directory.list() where JobFiles.isOurs(name) { try folder.directory.remove(name) }
        for name in left { try bench.drop(name, in: "visit", text: "key\n") }
        #expect(try await bench.work("visit").word == "done")
        #expect(try folder.directory.list().filter { $0.hasPrefix(".") } == [])
    }
}
