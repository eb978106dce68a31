// swift-format-ignore-file: NeverForceUnwrap, NeverUseForceTry
// A fixture that cannot be made is a broken test, and may say so by trapping.

import Core
import Foundation
import NIOCore
import Testing

@testable import Delivery

/// A conversation in a text file that drives the sessions, without a network.
///
/// Lines, one event or expectation each; `#` starts a comment:
///
///     mode starttls|implicit     which session begins; implicit unless said
///     set large|single|limit N   300 KB messages; no envelope behind a content; messages per connection
///     set auth                   credentials: `user` and `secret`; any of the following makes others of them
///     set username|password|token|nonce TEXT, set certificate, set mechanism NAME
///     set window N|onward|notify WORD…  messages unanswered at a time; TLS wanted onward; notices wanted
///     play NAME                  the lines of NAME.part stand here
///     give N [OPTION…]           message N waits at the source. Options: 8bit, utf8, to=ADDRESS, text=LINES, id=ENVID,
///                                large, slow (the ledger's word comes by `durable` or `veto`, not at once)
///     nomore                     the source has finished
///     S: TEXT                    a line of the server; lines that follow each other come in one segment
///     s: BYTES                   bytes of the server as they are, with \r \n \t \0 \xHH; no line end is added
///     --                         ends a segment
///     C: TEXT                    a line that the client must say next; all must have been said before the server speaks
///     C+ N                       message N goes out whole by BDAT: RSET, MAIL, RCPT, BDAT and its content
///     C* N                       exactly N lines of content
///     C# N                       N octets of content
///     tls                        the handshake is done and the server verified
///     rested                     the same as wake, after a time without work
///     wake, durable N, veto N, flushed, drop, cut, timeout, drain, recall, stop
///     expire                     from now on the source has no right to send any more
///     row N: VERDICT [REASON] ["DETAIL"]     what the row must have come to by now
///     end: KIND [REASON] ["DETAIL"]     how the connection must have ended by now
///     open                       the connection must still be open
struct Dialogue {
    let name: String
    let lines: [(number: Int, text: String)]

    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Dialogues")

    /// The names of all files.
    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        return files.filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.sorted()
    }()

    init(_ name: String) throws {
        self.name = name
        lines = try Self.lines(name + ".txt").flatMap { line in
            let words = line.text.split(separator: " ")
            guard words.first == "play" else { return [line] }
            return try Self.lines(words[1] + ".part").map { (line.number, $0.text) }
        }
    }

    private static func lines(_ file: String) throws -> [(number: Int, text: String)] {
        let text = try String(contentsOf: directory.appendingPathComponent(file), encoding: .utf8)
        return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { ($0.offset + 1, String($0.element)) }
            .filter { !$0.1.hasPrefix("#") && !$0.1.allSatisfy(\.isWhitespace) }
    }
}

/// Plays the handler's part for a dialogue.
final class DialogueRunner {
    private let dialogue: Dialogue
    private var settings = RouteSettings(name: "main", host: "relay.kit.test", heloName: "mail.riverside.example")
    private var plain: PlainSession?
    private var secure: SecureSession?
    private var isStarted = false
    private var isImplicit = true
    private var parser = ReplyParser(limits: Limits())
    private var incoming = ByteBuffer()
    private var output = ByteBuffer()
    private var isLarge = false
    private var queue: [OutgoingMessage] = []
    private var isFinished = false
    private var isRested = false
    private var slow: Set<UInt32> = []
    private var results: [UInt32: AttemptResult] = [:]
    private var announced: Set<UInt32> = []
    private var end: ConnectionEnd?
    private var segment: [UInt8] = []
    private var line = 0
    private var username = "user"
    private var secret: RouteSettings.Credentials.Secret?
    private var token: AccessToken?
    private var mechanism: Mechanism?
    private var nonce: String?
    private let right = Right()

    /// The source's right to send.
    private final class Right {
        var isGood = true
    }

    init(_ dialogue: Dialogue) {
        self.dialogue = dialogue
    }

    func run() {
        for (number, text) in dialogue.lines {
            line = number
            if !text.hasPrefix("S:"), !text.hasPrefix("s:") { deliver() }
            play(text)
        }
        deliver()
        check(output.readableBytes == 0, "the client said more: \(rest)")
    }

    private func play(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        switch words[0] {
        case "mode": isImplicit = words[1] == "implicit"
        case "set": set(words)
        case "give": give(words)
        case "nomore": isFinished = true
        case "S:": segment += Array(text.dropFirst(3).utf8) + [13, 10]
        case "s:": segment += unescaped(String(text.dropFirst(3)))
        case "--": break
        case "C:": expectLine(String(text.dropFirst(3)))
        case "C+":
            let lines = [
                "RSET", "MAIL FROM:<care@riverside.example> SIZE=21", "RCPT TO:<jane.roe@example.org>", "BDAT 21 LAST",
                "Subject: \(words[1])", "", "Hello",
            ]
            for line in lines { expectLine(line) }
        case "C#":
            check(output.readableBytes >= Int(words[1])!, "the client said \(output.readableBytes) octets")
            output.moveReaderIndex(forwardBy: min(output.readableBytes, Int(words[1])!))
        case "C*": skipLines(Int(words[1])!)
        case "tls":
            check(plain != nil, "nobody asked for TLS")
            if let plain = plain.take() {
                secure = plain.upgraded(
                    by: Certificates.verified,
                    settings: settings,
                    token: token,
                    into: &output
                )
                secure?.mayTransmit = { [right] in right.isGood }
            }
        case "wake": start(); perform(Step(.ask))
        case "rested": isRested = true; perform(Step(.ask)); isRested = false
        case "durable": durable(words[1], true)
        case "veto": durable(words[1], false)
        case "expire": right.isGood = false
        case "flushed": if let step = secure?.flushed(into: &output) { perform(step) }
        case "drop": lost(.closed)
        case "cut": lost(.tls("the TLS stream was cut"))
        case "timeout": lost(.timeout)
        case "drain": start(); if let step = secure?.drain(into: &output) { perform(step) }
        case "recall": if let step = secure?.recall(into: &output) { perform(step) }
        case "stop": start(); if let step = secure?.stop(into: &output) { perform(step) }
        case "row": expectRow(text, words)
        case "end:":
            check(end?.kind.rawValue == words[1], "the connection's end is \(end.map { "\($0)" } ?? "open")")
            if let quote = text.firstIndex(of: "\"") {
                let detail = text[text.index(after: quote)...].dropLast()
                check(end?.detail == String(detail), "the end's detail is \(end?.detail ?? "")")
            }
            if words.count > 2 {
                check(end?.reason.rawValue == words[2], "the end's reason is \(end?.reason.rawValue ?? "")")
            }
        case "open": check(end == nil, "the connection ended: \(end.map { "\($0)" } ?? "")")
        default: check(false, "no such directive")
        }
    }

    // MARK: Events

    private func start() {
        guard !isStarted else { return }
        isStarted = true
        if let secret {
            settings.credentials = .init(username: username, secret: secret, mechanism: mechanism)
            settings.credentials?.nonce = nonce
        }
        if isImplicit {
            secure = SecureSession(implicit: Certificates.verified, settings: settings, token: token)
            secure?.mayTransmit = { [right] in right.isGood }
        } else {
            plain = PlainSession(heloName: settings.heloName)
        }
    }

    private func deliver() {
        guard !segment.isEmpty else { return }
        start()
        check(output.readableBytes == 0, "the client said more: \(rest)")
        incoming.writeBytes(segment)
        segment = []
        do throws(ReplyError) {
            while end == nil, let reply = try parser.next(from: &incoming) { received(reply) }
        } catch {
            lost(.garbage(error))
        }
    }

    private func received(_ reply: Reply) {
        let more = incoming.readableBytes > 0
        if let step = secure?.received(reply, more: more, into: &output) { return perform(step) }
        switch plain?.received(reply, more: more, into: &output) {
        case .close(let end)?: self.end = end
        case .wait?, .upgrade?, nil: break
        }
    }

    private func lost(_ loss: Loss) {
        start()
        if let step = secure?.lost(loss) { return perform(step) }
        if let end = plain?.lost(loss) { self.end = end }
    }

    private func durable(_ number: String, _ isDurable: Bool) {
        let ticket = Ticket(row: RowNumber(UInt32(number)!), attempt: 1)
        if let step = secure?.durable(ticket, isDurable, into: &output) { perform(step) }
    }

    private func perform(_ first: Step) {
        var step = first
        while true {
            for ending in step.endings {
                let row = ending.ticket.row.value
                check(results[row] == nil, "row \(row) ended twice")
                results[row] = ending.result
            }
            if let ticket = step.announced {
                check(announced.insert(ticket.row.value).inserted, "row \(ticket.row) was announced twice")
                if !slow.contains(ticket.row.value), let step = secure?.durable(ticket, true, into: &output) {
                    perform(step)
                }
            }
            switch step.then {
            case .wait, .leave, .flush: return
            case .close(let end):
                self.end = end
                secure = nil
                return
            case .ask:
                guard secure?.canTake == true else { return }
                if !queue.isEmpty {
                    guard let next = secure?.begin(queue.removeFirst(), isRested: isRested, into: &output) else {
                        return
                    }
                    step = next
                } else if isFinished {
                    guard let next = secure?.drain(into: &output) else { return }
                    step = next
                } else {
                    return
                }
            }
        }
    }

    // MARK: Directives

    private func set(_ words: [String]) {
        switch words[1] {
        case "auth": secret = secret ?? .password(Protected("secret"))
        case "username": username = words.dropFirst(2).joined(separator: " ")
        case "password": secret = .password(Protected(words.dropFirst(2).joined(separator: " ")))
        case "token":
            let text = words[2].hasPrefix("*") ? String(repeating: "a", count: Int(words[2].dropFirst())!) : words[2]
            token = AccessToken(Protected(text), number: 1)
            secret = .token(NoTokens())
        case "certificate":
            secret = .certificate
            settings.clientCertificate = Certificates.client
        case "mechanism": mechanism = Mechanism(rawValue: words[2])
        case "nonce": nonce = words[2]
        case "large": isLarge = true
        case "single": settings.limits.overlapsEnvelopes = false
        case "limit": settings.limits.messagesPerConnection = Int(words[2])
        case "window": settings.window = Int(words[2])!
        case "onward": settings.requiresTLSOnward = true
        case "notify":
            let notices: [String: RouteSettings.Notices] = [
                "failure": .failure, "delay": .delay, "success": .success, "never": .never,
            ]
            settings.notify = RouteSettings.Notices(words.dropFirst(2).map { notices[$0]! })
        default: check(false, "no such setting")
        }
    }

    private func give(_ words: [String]) {
        let number = UInt32(words[1])!
        var message = OutgoingMessage(
            ticket: Ticket(row: RowNumber(number), attempt: 1),
            sender: try! Address(localPart: "care", domain: "riverside.example"),
            recipient: try! Address(localPart: "jane.roe", domain: "example.org"),
            content: Array("Subject: \(number)\r\n\r\nHello\r\n".utf8)
        )
        let large = Array(String(repeating: String(repeating: "x", count: 98) + "\r\n", count: 3000).utf8)
        if isLarge { message.content = large }
        for option in words.dropFirst(2) {
            switch option {
            case "8bit": message.isEightBit = true
            case "utf8": message.headersNeedUTF8 = true
            case "large": message.content = large
            case "slow": slow.insert(number)
            case _ where option.hasPrefix("id="): message.envelopeID = String(option.dropFirst(3))
            case _ where option.hasPrefix("to="):
                message.recipient = try! Address(parsing: String(option.dropFirst(3))) { _ in nil }
            case _ where option.hasPrefix("text="):
                message.content = unescaped(String(option.dropFirst(5)))
            default: check(false, "no such option")
            }
        }
        queue.append(message)
    }

    private func expectLine(_ text: String) {
        guard let end = output.readableBytesView.firstIndex(of: 10) else {
            return check(false, "the client said nothing")
        }
        let said = output.readString(length: end + 1 - output.readerIndex) ?? ""
        check(said == text + "\r\n", "the client said: \(said.debugDescription)")
    }

    private func skipLines(_ expected: Int) {
        var count = 0
        while let end = output.readableBytesView.firstIndex(of: 10) {
            output.moveReaderIndex(to: end + 1)
            count += 1
        }
        check(count == expected, "the client said \(count) lines")
    }

    private func expectRow(_ text: String, _ words: [String]) {
        let number = UInt32(words[1].dropLast())!
        guard let result = results[number] else { return check(words[2] == "pending", "row \(number) has no result") }
        check(result.verdict.rawValue == words[2], "row \(number) is \(result)")
        if words.count > 3, !words[3].hasPrefix("\"") {
            check(result.reason.rawValue == words[3], "row \(number)'s reason is \(result.reason)")
        }
        if let quote = text.firstIndex(of: "\"") {
            let detail = text[text.index(after: quote)...].dropLast()
            check(result.detail == detail, "row \(number)'s detail is \(result.detail)")
        }
    }

    private var rest: String {
        String(buffer: output).debugDescription
    }

    private func unescaped(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            switch kind {
            case UInt8(ascii: "r"): bytes.append(13)
            case UInt8(ascii: "n"): bytes.append(10)
            case UInt8(ascii: "t"): bytes.append(9)
            case UInt8(ascii: "0"): bytes.append(0)
            case UInt8(ascii: "s"): bytes.append(32)
            case UInt8(ascii: "x"):
                bytes += Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)) ?? []
                rest = rest.dropFirst(2)
            default: bytes.append(kind)
            }
        }
        return bytes
    }

    private func check(_ condition: Bool, _ problem: @autoclosure () -> String) {
        guard !condition else { return }
        let said = problem()
        Issue.record("\(dialogue.name).txt:\(line): \(said)")
    }
}

/// A source that nobody asks: the dialogue has the token already.
private struct NoTokens: TokenSource {
    func token(then: @escaping @Sendable (Result<AccessToken, TokenProblem>) -> Void) {}
    func wasRefused(_ token: AccessToken) -> Bool { false }
    func wasAccepted(_ token: AccessToken) {}
}

@Suite("Dialogues")
struct DialogueTests {
    @Test("A conversation goes as it is written down", arguments: Dialogue.names)
    func conversation(_ name: String) throws {
        DialogueRunner(try Dialogue(name)).run()
    }

    @Test("There are dialogues to play")
    func some() {
        #expect(Dialogue.names.count >= 40)
    }
}
