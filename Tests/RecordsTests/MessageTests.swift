import Core
import Files
import Foundation
import Ledger
import TestSupport
import Testing

@testable import Records

/// What people are told while a job runs and when it has ended.
@Suite struct MessageTests {
    @Test("The status is as it should be, to the byte")
    func status() throws {
        let fixture = try Fixture()
        var counts = RowCounts(rows: 10)
        counts[.pending] = 4
        counts[.deferred] = 1
        counts[.retry] = 2
        counts[.sent] = 3
        try fixture.records.writeStatus(
            JobStatus(
                .running,
                job: Fixture.job,
                name: "Visit \"summary\"",
                message: "3 of 10 messages were sent.",
                counts: counts,
                takenUp: Fixture.noon,
                updated: Fixture.noon + 5,
                rowsPerSecond: 1_234.56,
                tracking: JobTracking(opens: .init(true, by: .job), clicks: .init(false, by: .site), untrackedRows: 2)
            )
        )
        try expectSnapshot(try fixture.scratch.read("status.json"), "status.json")
    }

    @Test("Every state has its word", arguments: JobState.allCases)
    func state(state: JobState) throws {
        let fixture = try Fixture()
        try fixture.records.writeStatus(JobStatus(state, updated: Fixture.noon))
        #expect(try fixture.scratch.text("status.json").contains("\"state\": \"\(state.rawValue)\""))
    }

    @Test("The words are the contract's")
    func words() {
        let states = ["waiting", "rejected", "held", "running", "paused", "stopped", "done"]
        #expect(JobState.allCases.map(\.rawValue) == states)
        #expect(EndMarker.allCases.map(\.rawValue) == ["DONE", "REJECTED", "HELD", "STOPPED"])
    }

    @Test("Problems are listed with place and fix, as cells")
    func problems() throws {
        let fixture = try Fixture()
        try fixture.records.writeProblems([
            Diagnostic(
                "unknown key \"templat\"",
                at: Place(file: "manifest.yaml", line: 4, column: 1),
                fix: "write template"
            ),
            Diagnostic("no such file, or not readable", at: Place(file: "=letters/a.pdf")),
            Diagnostic("-1 rows", severity: .warning),
        ])
        let text = try fixture.scratch.text("problems.csv")
        #expect(
            text == "\u{FEFF}file,line,column,problem,fix\r\n"
                + "manifest.yaml,4,1,\"unknown key \"\"templat\"\"\",write template\r\n"
                + "'=letters/a.pdf,,,\"no such file, or not readable\",\r\n" + ",,,warning: -1 rows,\r\n"
        )
        try fixture.records.writeProblems([])
        #expect(try fixture.directory.list().isEmpty, "no problems, no file")
    }

    @Test("One marker stands at a time, and none when the job goes on")
    func markers() throws {
        let fixture = try Fixture()
        for marker in EndMarker.allCases {
            try fixture.records.writeEnd(marker, "A sentence for \(marker.rawValue).")
            #expect(try fixture.directory.list() == [marker.rawValue])
            #expect(try fixture.scratch.text(marker.rawValue) == "A sentence for \(marker.rawValue).\n")
        }
        try fixture.records.removeEnd()
        #expect(try fixture.directory.list().isEmpty)
    }
}
