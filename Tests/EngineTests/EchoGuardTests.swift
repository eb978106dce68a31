import Core
import Testing

@testable import Engine

@Suite struct EchoGuardTests {
    private static let row = Row(
        number: RowNumber(1),
        line: 2,
        cells: ["Ann", "Diabetes mellitus, Typ 2", "HIV-negative", "Müller-Öz", "0012345"]
    )

    @Test(arguments: [
        ("554 5.7.1 found \"diabetes\" in the text", "554 5.7.1 found \"…\" in the text"),
        ("554 5.7.1 DIABETES MELLITUS", "554 5.7.1 … …"),
        ("554 5.7.1 blocked word: betesm", "554 5.7.1 blocked word: betesm"),
        ("554 5.7.1 blocked word: ellitus", "554 5.7.1 blocked word: …"),
        ("550 HIV", "550 …"),
        ("550 hive", "550 hive"),
        ("550 neg", "550 neg"),
        ("554 müller-öz is no word", "554 …-… is no word"),
        ("554 MÜLLER", "554 …"),
        ("554 number 0012345", "554 number …"),
        ("250 2.0.0 Ok: queued as 4QxSink0001", "250 2.0.0 Ok: queued as 4QxSink0001"),
        ("", ""),
        ("450", "450"),
    ])
    func wordsOfPHICellsAreHidden(answer: String, cleaned: String) {
        #expect(EchoGuard(columns: [1, 2, 3, 4]).clean(answer, Self.row) == cleaned)
    }

    @Test func plainCellsAndTheReplyCodeStay() {
        let row = Row(number: RowNumber(1), line: 2, cells: ["Ann", "554"])
        #expect(EchoGuard(columns: [1]).clean("554 Ann and 554", row) == "554 Ann and …")
    }
}
