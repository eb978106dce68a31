import Core
import Delivery
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// A clock that goes when it is told to.
private final class Clock: Sendable {
    private let moment = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { moment.withLock { $0 } }

    func pass(seconds: Int) { moment.withLock { $0 += .seconds(seconds) } }
}

/// What a route's fetches bring, one after the other, and how often it was asked.
private final class Fetches: Sendable {
    struct State {
        var coming: [Result<RouteTokens.Fetched, TokenProblem>]
        var count = 0
        var running = 0
        var mostAtOnce = 0
    }

    private let state: Mutex<State>

    init(_ coming: [Result<RouteTokens.Fetched, TokenProblem>]) {
        state = Mutex(State(coming: coming))
    }

    var count: Int { state.withLock { $0.count } }
    var mostAtOnce: Int { state.withLock { $0.mostAtOnce } }

    func next() throws(TokenProblem) -> RouteTokens.Fetched {
        let coming = state.withLock { state in
            state.count += 1
            state.running += 1
            state.mostAtOnce = max(state.mostAtOnce, state.running)
            return state.coming.count > 1 ? state.coming.removeFirst() : state.coming[0]
        }
        defer { state.withLock { $0.running -= 1 } }
        return try coming.get()
    }
}

private func good(_ text: String, _ lifetime: Int? = nil) -> Result<RouteTokens.Fetched, TokenProblem> {
    .success(RouteTokens.Fetched(text: Protected(text), lifetime: lifetime))
}

extension RouteTokens {
    fileprivate func next() async throws(TokenProblem) -> AccessToken {
        let answer = await withCheckedContinuation { done in token { done.resume(returning: $0) } }
        return try answer.get()
    }
}

@Suite("A route's tokens")
struct RouteTokensTests {
    private let clock = Clock()

    private func tokens(_ fetches: Fetches) -> RouteTokens {
        RouteTokens(now: { [clock] in clock.now }) { () throws(TokenProblem) in try fetches.next() }
    }

    @Test("A token is kept until shortly before its end, then replaced")
    func renewal() async throws {
        let fetches = Fetches([good("a", 3_600), good("b", 3_600)])
        let tokens = tokens(fetches)
        #expect(try await tokens.next().text.exposed == "a")
        clock.pass(seconds: 3_299)
        #expect(try await tokens.next().text.exposed == "a")
        #expect(fetches.count == 1)
        clock.pass(seconds: 1)
        #expect(try await tokens.next().text.exposed == "b")
        #expect(fetches.count == 2)
    }

    @Test("A token that says nothing of its end is kept until it is refused")
    func noLifetime() async throws {
        let fetches = Fetches([good("a"), good("b")])
        let tokens = tokens(fetches)
        _ = try await tokens.next()
        clock.pass(seconds: 1_000_000)
        let token = try await tokens.next()
        #expect(token.text.exposed == "a" && fetches.count == 1)
        #expect(tokens.wasRefused(token))
        #expect(try await tokens.next().text.exposed == "b")
    }

    @Test("A hundred connections at once run one fetch, and all get its token")
    func together() async throws {
        let fetches = Fetches([good("a", 3_600)])
        let tokens = tokens(fetches)
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<100 { group.addTask { try await tokens.next().text.exposed } }
            for try await text in group { #expect(text == "a") }
        }
        #expect(fetches.count == 1 && fetches.mostAtOnce == 1)
    }

    @Test("A refused token is replaced once; if the new one is refused, too, it is not the token")
    func refused() async throws {
        let fetches = Fetches([good("a"), good("b"), good("c")])
        let tokens = tokens(fetches)
        let first = try await tokens.next()
        #expect(tokens.wasRefused(first))
        #expect(tokens.wasRefused(first), "another connection had it, too")
        let second = try await tokens.next()
        #expect(second.text.exposed == "b")
        #expect(tokens.wasRefused(first), "there is a newer one")
        #expect(!tokens.wasRefused(second))
        #expect(fetches.count == 2)
    }

    @Test("A token that was taken and is refused later is replaced again")
    func refusedLater() async throws {
        let tokens = tokens(Fetches([good("a"), good("b"), good("c")]))
        #expect(tokens.wasRefused(try await tokens.next()))
        let second = try await tokens.next()
        tokens.wasAccepted(second)
        #expect(tokens.wasRefused(second))
        let third = try await tokens.next()
        #expect(third.text.exposed == "c" && !tokens.wasRefused(third))
    }

    @Test("The same token again after a refusal is no new one")
    func sameAgain() async throws {
        let tokens = tokens(Fetches([good("a")]))
        #expect(tokens.wasRefused(try await tokens.next()))
        let problem = await #expect(throws: TokenProblem.self) { try await tokens.next() }
        #expect(problem == TokenProblem("the token is the one that the server refused", isTemporary: false))
    }

    @Test("While a new one cannot be had, the old one serves to its end")
    func oldOne() async throws {
        let trouble = TokenProblem("no", isTemporary: true)
        let tokens = tokens(Fetches([good("a", 100), .failure(trouble)]))
        _ = try await tokens.next()
        clock.pass(seconds: 90)
        #expect(try await tokens.next().text.exposed == "a")
        clock.pass(seconds: 10)
        #expect(await #expect(throws: TokenProblem.self) { try await tokens.next() } == trouble)
    }

    @Test("A route has one source, however many jobs take it")
    func oneSource() {
        let sources = TokenSources()
        let made = Mutex(0)
        let all = (0..<3).map { _ in
            sources.tokens(of: "main") {
                made.withLock { $0 += 1 }
                return tokens(Fetches([good("a")]))
            }
        }
        #expect(made.withLock { $0 } == 1)
        #expect(all.allSatisfy { $0 === all[0] })
    }
}

@Suite("A token's text")
struct TokenTextTests {
    static let good: [(String, Int?, String, Int?)] = [
        ("abc", nil, "abc", nil), ("abc\n", 60, "abc", 60), ("  abc== \r\n", nil, "abc==", nil),
        (#"{"access_token": "abc"}"#, nil, "abc", nil),
        (#"{"access_token":"a.b-c_d~e+f/g==","expires_in":3600,"token_type":"Bearer"}"#, nil, "a.b-c_d~e+f/g==", 3_600),
        (#"{"expires_in":"3599","access_token":"abc"}"#, nil, "abc", 3_599),
        (#"{"expires_in":3600,"access_token":"abc"}"#, 600, "abc", 600),
        (#"{"expires_in":600,"access_token":"abc"}"#, 3_600, "abc", 600),
        (#"{"expires_in":null,"access_token":"abc"}"#, 30, "abc", 30),
        (#"{"expires_in":59.9,"access_token":"abc"}"#, nil, "abc", 59),
    ]

    @Test("What commands print is read", arguments: good)
    func reads(_ text: String, _ lifetime: Int?, _ token: String, _ seconds: Int?) throws {
        let fetched = try TokenText.read(Array(text.utf8), lifetime: lifetime, from: "it")
        #expect(fetched.text.exposed == token)
        #expect(fetched.lifetime == seconds)
    }

    static let bad: [(String, String, Bool)] = [
        ("", "it gave nothing", false), (" \n", "it gave nothing", false),
        ("two words", "it gave something that is no token", false),
        ("error: canary", "it gave something that is no token", false),
        ("canary\u{1}", "it gave something that is no token", false),
        ("=", "it gave something that is no token", false),
        ("{canary", "it gave JSON without an access_token", false),
        (#"{"token":"canary"}"#, "it gave JSON without an access_token", false),
        (#"{"access_token":7}"#, "it gave JSON without an access_token", false),
        (#"{"access_token":"canary canary"}"#, "it gave something that is no token", false),
        (#"{"access_token":"canary","expires_in":0}"#, "it gave a token that has ended", true),
        (String(repeating: "c", count: 8_193), "it gave something that is no token", false),
    ]

    @Test("What is no token is refused, and never repeated", arguments: bad)
    func refuses(_ text: String, _ said: String, _ isTemporary: Bool) {
        let problem = #expect(throws: TokenProblem.self) {
            try TokenText.read(Array(text.utf8), lifetime: nil, from: "it")
        }
        #expect(problem == TokenProblem(said, isTemporary: isTemporary))
    }

    @Test("Bytes that are no text are refused")
    func bytes() {
        #expect(throws: TokenProblem.self) { try TokenText.read([0xFF, 0xFE], lifetime: nil, from: "it") }
    }
}

@Suite("A token command", .timeLimit(.minutes(1)))
struct TokenCommandTests {
    private let scratch: TemporaryDirectory

    init() throws {
        scratch = try TemporaryDirectory()
    }

    /// A program of the test's own.
    private func command(_ script: String, _ arguments: [String] = [], limit: Duration = .seconds(20)) throws
        -> TokenCommand
    {
        // The shell reads it: a file that was just written cannot be run while another test starts a program.
        let path = try scratch.write("token", text: script)
        return TokenCommand(words: ["/bin/sh", path] + arguments, directory: scratch.path, limit: limit)
    }

    private func problem(_ command: TokenCommand) -> TokenProblem? {
        do throws(TokenProblem) {
            _ = try command.run()
            return nil
        } catch {
            return error
        }
    }

    @Test("Its output comes back; arguments are what they are, not a shell's")
    func output() throws {
        let bytes = try command("printf '%s|' \"$@\"", ["a b", "$(id)", "*", ""]).run()
        #expect(String(decoding: bytes, as: UTF8.self) == "a b|$(id)|*||")
    }

    @Test("It has an environment of three variables, no input, and no descriptor of ours")
    func surroundings() throws {
        unsafe setenv("WARDPOST_CANARY", "canary", 1)
        let open = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/etc/passwd"))
        defer { try? open.close() }
        // A descriptor that a program would inherit.
        let inherited = dup(open.fileDescriptor)
        defer { close(inherited) }
        let bytes = try command("env; cat; ls /proc/self/fd | wc -l; pwd").run()
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        let names = Set(lines.filter { $0.contains("=") }.map { String($0.prefix { $0 != "=" }) })
        // A shell adds some of its own.
        #expect(names.subtracting(["PWD", "SHLVL", "_", "OLDPWD"]) == ["PATH", "HOME", "LANG"])
        // Its three and the one that reads the directory.
        #expect(lines.contains("4"))
        #expect(lines.contains { $0.hasSuffix(scratch.path) })
    }

    @Test("What it says on standard error is not seen by anybody")
    func standardError() throws {
        let problem = problem(try command("echo canary >&2; exit 3"))
        #expect(problem == TokenProblem("the token command ended with status 3", isTemporary: true))
    }

    @Test("One that does not end is ended, with all that it started")
    func endless() async throws {
        let begun = ContinuousClock.now
        let hanging = try command("sleep 600 & echo $! > child; sleep 600", limit: .milliseconds(300))
        #expect(problem(hanging) == TokenProblem("the token command did not end in time", isTemporary: true))
        #expect(ContinuousClock.now - begun < .seconds(300))
        let child = try #require(Int32(try scratch.text("child").trimmingCharacters(in: .whitespacesAndNewlines)))
        // Killed; whoever inherits it may take a moment to collect it.
        var status = "?"
        while !status.isEmpty, !status.contains(") Z "), !status.contains(") X ") {
            status = (try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8)) ?? ""
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test("One that closes its output and stays is ended, too")
    func staying() throws {
        let staying = try command("echo token; exec >&-; sleep 600", limit: .milliseconds(300))
        #expect(problem(staying) == TokenProblem("the token command did not end in time", isTemporary: true))
    }

    @Test("A signal to us while it is awaited does not make the wait one without a limit")
    func interrupted() async throws {
        let silent = try command("exec sleep 20", limit: .seconds(1))
        // Any signal that nobody here uses; by default it is ignored, and interrupts nothing.
        signal(SIGURG) { _ in }
        defer { signal(SIGURG, SIG_DFL) }
        let waiting = Mutex<pthread_t?>(nil)
        let problem: TokenProblem? = await withCheckedContinuation { done in
            Thread.detachNewThread {
                // Threads of the runtime's let no signal through, and pass that on.
                var signals = sigset_t()
                unsafe sigemptyset(&signals)
                unsafe sigaddset(&signals, SIGURG)
                unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
                waiting.withLock { $0 = pthread_self() }
                done.resume(returning: self.problem(silent))
            }
            Thread.detachNewThread {
                Thread.sleep(forTimeInterval: 0.5)
                if let thread = waiting.withLock({ $0 }) { pthread_kill(thread, SIGURG) }
            }
        }
        // Without the limit the command would end by itself, and have said nothing.
        #expect(problem == TokenProblem("the token command did not end in time", isTemporary: true))
    }

    @Test("Endless output is cut off")
    func endlessOutput() throws {
        let problem = problem(try command("exec cat /dev/zero"))
        #expect(problem == TokenProblem("the token command prints more than 64 KiB", isTemporary: false))
    }

    @Test("A signal, and a program that is not there, are said")
    func notThere() throws {
        #expect(
            problem(try command("kill -9 $$"))
                == TokenProblem("the token command was ended by signal 9", isTemporary: true)
        )
        let missing = TokenCommand(words: [scratch.path("none")], directory: scratch.path)
        #expect(
            problem(missing)
                == TokenProblem("the token command cannot be started: No such file or directory", isTemporary: false)
        )
    }
}
