import Core
import Ledger
import Testing

@testable import Engine

@Suite struct RetryRequestTests {
    @Test(
        "Nothing written asks for what failed, was held or was cancelled, and not for what is unknown",
        arguments: ["", "\n", "  \r\n\n"]
    )
    func empty(text: String) throws {
        #expect(try RetryRequest(text).selections == [.statuses([.failed, .held, .cancelled])])
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
        #expect(error?.place == Place(file: "RETRY", line: 2))
    }

    @Test("A word that is refused is not repeated: it may be a cell")
    func silent() {
        let error = #expect(throws: Diagnostic.self) { try RetryRequest("ada@example.test") }
        #expect(error?.description.contains("ada") == false)
    }
}
