import Core
import Foundation
import Testing

@testable import Delivery

/// The table that people read is made from the one that the matrix is checked by.
@Suite("The table of faults in the docs")
struct FaultDocumentTests {
    static let file = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("docs/smtp-faults.md")

    @Test("docs/smtp-faults.md says what the matrix checks; WARDPOST_WRITE_DOCS=1 writes it anew")
    func document() throws {
        let text = Self.text
        if ProcessInfo.processInfo.environment["WARDPOST_WRITE_DOCS"] != nil {
            try Data(text.utf8).write(to: Self.file)
        }
        #expect(try String(contentsOf: Self.file, encoding: .utf8) == text)
    }

    static var text: String {
        var parts = [introduction, connect]
        for stage in FaultStage.allCases where stage.isOpening { parts.append(opening(stage)) }
        parts.append(mailIntroduction)
        for way in FaultWay.allCases {
            parts.append("## \(way == .data ? "Mail by DATA" : "Mail in a window")\n\n\(explanation(way))")
            for stage in FaultStage.allCases where !stage.isOpening && stage != .quit && stage != .idle {
                if way == .data ? stage == .reset : stage == .data { continue }
                parts.append(mail(stage, way))
            }
        }
        parts.append(rest)
        return parts.joined(separator: "\n\n") + "\n"
    }

    // MARK: Parts

    private static let introduction = """
        # Faults: each stage of a conversation, each way to go wrong

        What becomes of a row, of its neighbours and of the connection. This page is made from the table that the tests play against a server on loopback, over STARTTLS and implicit TLS, for each line:
        `Tests/DeliveryTests/FaultTable.swift`, `FaultMatrixTests.swift`. On every run no octet leaves in clear but `EHLO`, `STARTTLS` and `QUIT`, no row is taken twice, and no row is called `sent` that was not taken.
        What the words mean is in [delivery.md](delivery.md); conversations word by word are in `Tests/DeliveryTests/Dialogues`.

        | fault | is |
        | --- | --- |
        | 4yz, 5yz | a refusal without an enhanced code (451, 550), or with one (`452 4.2.2`, `550 5.2.1`) |
        | 421 | the server says that it leaves, and does |
        | silence, an endless drip | no whole answer by the deadline. There is one deadline for each answer, however its bytes come |
        | drip, late, several lines, not UTF-8 | an answer as it should be, but slow, or in odd words: no fault, and treated as none |
        | reset, close, TLS truncated | the connection's end: by RST, in good order, or without TLS's own end |
        | half an answer | the first line of two, then close |
        | no SMTP, LF alone, mixed codes | bytes that are no answer |
        | an endless line, an endless answer | more than 4 KiB in a line, 64 KiB in an answer; no more is read |
        | one answer too many, too early | two answers to one command; an answer before the question |
        """

    private static let connect = """
        ## Before mail

        Nothing here touches a row: none is asked for before a verified session can carry it.

        ### connect

        | fault | then | if it is so every time |
        | --- | --- | --- |
        | refused, unreachable, silence, no such name | connect again | after 1, 2, 4, … 300 seconds, less up to a half; `connect` |
        """

    private static let mailIntroduction = """
        ## When a row is tried again

        A row that *waits* has had an attempt: it is tried again after 1, 2, 4, … minutes, and `failed` with that reason when its time is over. A row that is *open* was given back untried: it goes out at once, over another
        connection. An `unknown` row is tried again only by `RETRY`. A *new* connection is made at once, or after the waits above if connections fail one after the other.
        """

    private static let rest = """
        ## When no message is under way

        | stage | fault | then |
        | --- | --- | --- |
        | QUIT | any | nothing: what was to be said is said |
        | a connection at rest | 421 or any other answer, bytes that are no SMTP, the connection's end | the next row goes over a new connection |
        | a connection at rest | half an answer that stays one | goodbye after 30 seconds of rest |
        | a connection at rest, in a window | it is gone and we cannot see it yet | `RSET` goes first and alone after a second of rest; rows are given back |
        """

    private static func explanation(_ way: FaultWay) -> String {
        switch way {
        case .data:
            "*Behind* is the next row: its envelope goes out behind a message's content where PIPELINING is offered, "
                + "its content never before 354."
        case .window:
            "*Behind* are the rows that are wholly out when it happens. RSET, MAIL, RCPT and BDAT of each are out too, "
                + "so there is no way back for any of them but its own answers."
        }
    }

    // MARK: Tables

    private static func opening(_ stage: FaultStage) -> String {
        var rows: [(what: String, faults: [String])] = []
        for isImplicit in [false, true] {
            if isImplicit, stage == .clearHello || stage == .startTLS { continue }
            for fault in Fault.allCases {
                guard let effect = FaultEffect.of(fault, at: stage, .data, implicit: isImplicit) else { continue }
                let other = FaultEffect.of(fault, at: stage, .data, implicit: !isImplicit)
                let isSame = effect == other || stage == .clearHello || stage == .startTLS
                if isImplicit, isSame { continue }
                let suffix = isSame ? "" : isImplicit ? " (implicit TLS)" : " (before STARTTLS)"
                add(fault.rawValue + suffix, words(effect.repeated), to: &rows)
            }
        }
        let lines = rows.map { "| \($0.faults.joined(separator: ", ")) | \($0.what) |" }
        return "### \(stage.rawValue)\n\n| fault | then | if it is so every time |\n| --- | --- | --- |\n"
            + lines.joined(separator: "\n")
    }

    private static func words(_ repeated: FaultEffect.Repeated) -> String {
        switch repeated {
        case .fine: "goes on | goes on"
        case .tried(let reason): "connect again | again and again, with growing waits; `\(reason)`"
        case .held(let reason, let count):
            "connect again | after \(number(count)) in a row the rest is `held`, `\(reason)`"
        case .stopped(let reason, let count) where count > 1:
            "connect again | after \(number(count)) in a row the rest is `held`, `\(reason)`"
        case .stopped(let reason, _): "the rest is `held`, `\(reason)` | (is not asked again)"
        }
    }

    private static func number(_ count: Int) -> String {
        count == 2 ? "two" : count == 4 ? "four" : "\(count)"
    }

    private static func mail(_ stage: FaultStage, _ way: FaultWay) -> String {
        var rows: [(what: String, faults: [String])] = []
        for fault in Fault.allCases {
            guard let effect = FaultEffect.of(fault, at: stage, way, implicit: false) else { continue }
            let connection = effect.endsConnection ? "new" : "goes on"
            add(
                fault.rawValue,
                "\(effect.row.words) | \(effect.behind.words) | \(connection)",
                to: &rows
            )
        }
        let lines = rows.map { "| \($0.faults.joined(separator: ", ")) | \($0.what) |" }
        return "### \(stage.rawValue)\(way == .window ? ", in a window" : "")\n\n"
            + "| fault | the row | behind | connection |\n| --- | --- | --- | --- |\n" + lines.joined(separator: "\n")
    }

    private static func add(_ fault: String, _ what: String, to rows: inout [(what: String, faults: [String])]) {
        if let index = rows.firstIndex(where: { $0.what == what }) {
            rows[index].faults.append(fault)
        } else {
            rows.append((what, [fault]))
        }
    }
}
