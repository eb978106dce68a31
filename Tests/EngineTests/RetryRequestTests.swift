import Core
import Ledger
import Testing

@testable import Engine

@Suite struct RetryRequestTests {
    @Test(
        "Nothing written asks for what failed, was held, was cancelled or waits, and not for what is unknown",
        arguments: ["", "\n", "  \r\n\n"]
    )
    func empty(text: String) throws {
        #expect(try RetryRequest(text).selections == [.statuses([.failed, .held, .cancelled]), .deferred])
    }

    @Test(
        "States, rows and ranges are taken, with spaces, commas and lines between",
        arguments: [
            ("unknown", [.statuses([.unknown])]),
            ("Failed, HELD\n", [.statuses([.failed, .held])]),
            ("5", [.rows([5...5])]),
            ("5-9,12\r\n20", [.rows([5...9, 12...12, 20...20])]),
            ("unknown 3", [.statuses([.unknown]), .rows([3...3])]),
            ("4294967295", [.rows([.max ... .max])]),
            ("deferred", [.deferred]),
            ("Deferred;failed", [.statuses([.failed]), .deferred]),
            ("\u{FEFF}7\r\n", [.rows([7...7])]),
        ] as [(String, [RowSelection])]
    )
    func words(text: String, selections: [RowSelection]) throws {
        #expect(try RetryRequest(text).selections == selections)
    }

    @Test(
        "What is neither a state nor rows is refused at its line, and never repeated",
        arguments: ["sent", "all", "0", "9-5", "1-", "-1", "1-2-3", "4294967296", "ada@example.test", "5–9"]
    )
    func refused(word: String) {
        let error = #expect(throws: Diagnostic.self) { try RetryRequest("failed\n\(word)") }
        #expect(error?.place == Place(file: "RETRY", line: 2, column: 1))
    }

    @Test("A word's place is its line and the column where it begins, whatever ends the lines")
    func places() {
        let error = #expect(throws: Diagnostic.self) { try RetryRequest("\u{FEFF}5, 6\r\n\r\n failed  nobody") }
        #expect(error?.place == Place(file: "RETRY", line: 3, column: 10))
    }

    @Test(
        "A row that the job does not have is pointed at",
        arguments: [(3, nil), (2, Place(file: "RETRY", line: 2, column: 3))]
    )
    func tooHigh(rows: Int, place: Place?) throws {
        #expect(try RetryRequest("1\n2,3").problem(rows: rows)?.place == place)
    }

    @Test("More ranges than a line of the ledger takes go into several")
    func many() throws {
        let text = (0..<25_000).map { "\(2 * $0 + 1)" }.joined(separator: " ")
        let selections = try RetryRequest(text).selections
        #expect(selections.count == 3 && selections.allSatisfy { $0.description.utf8.count < 1 << 19 })
    }

    @Test("A word that is refused is not repeated: it may be a cell")
    func silent() {
        let error = #expect(throws: Diagnostic.self) { try RetryRequest("ada@example.test") }
        #expect(error?.description.contains("ada") == false)
    }
}
