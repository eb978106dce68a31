/// Runs one part of Wardpost by itself, and says how much it did as a line of JSON.
///
///     parts rows FOLDER               checks every row of FOLDER/recipients.csv as a run does
///     parts render FOLDER             makes every row's message from FOLDER/letter.html and letter.txt
///     parts sign FOLDER ROUNDS        the same not signed and signed, and bare signatures, in turns
///     parts ledger FOLDER ROWS        writes two lines a row, each durable before it counts
@main
enum Parts {
    static func main() async throws {
        let words = CommandLine.arguments
        switch (words.count > 2 ? words[1] : "", words.count) {
        case ("rows", 3): print(try Rows.check(folder: words[2]))
        case ("render", 3): print(try Rendering.render(folder: words[2]))
        case ("sign", 4): print(try Signing.compare(folder: words[2], rounds: Int(words[3]) ?? 7))
        case ("ledger", 4): print(try await LedgerLines.write(folder: words[2], rows: Int(words[3]) ?? 0))
        default: throw Misuse()
        }
    }

    private struct Misuse: Error, CustomStringConvertible {
        var description: String {
            "usage: parts rows|render FOLDER, parts sign FOLDER ROUNDS, parts ledger FOLDER ROWS"
        }
    }
}
