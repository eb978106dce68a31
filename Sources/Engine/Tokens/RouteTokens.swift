import Core
import Delivery
import Dispatch
import Synchronization

/// The tokens of one route, for all its connections and jobs.
///
/// A token is fetched when there is none, when it is near its end, and once when a server refused it; one fetch runs at
/// a time, and all who ask meanwhile get what it brings.
final class RouteTokens: TokenSource {
    /// A token as it was fetched.
    struct Fetched: Sendable {
        var text: Protected<String>
        /// For how many seconds it is good; `nil` where nobody says so.
        var lifetime: Int?
    }

    typealias Answer = @Sendable (Result<AccessToken, TokenProblem>) -> Void

    private struct Held {
        var token: AccessToken
        /// From when on another is fetched first.
        var renewAt: ContinuousClock.Instant?
        /// From when on it is of no use.
        var endsAt: ContinuousClock.Instant?
        var isRefused = false
        /// Whether it was fetched since the one before was refused, and no server has taken it yet.
        var isLastTry: Bool
    }

    private struct State {
        var held: Held?
        var waiting: [Answer] = []
        var isFetching = false
        var number = 0
    }

    private let fetch: @Sendable () throws(TokenProblem) -> Fetched
    private let now: @Sendable () -> ContinuousClock.Instant
    private let queue = DispatchQueue(label: "wardpost.tokens")
    private let state = Mutex(State())

    /// Prepares a route's tokens.
    ///
    /// - Parameters:
    ///   - now: The clock that lifetimes are measured by.
    ///   - fetch: Brings a token, however long that takes; runs on a thread of its own, one call at a time.
    init(
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        fetch: @escaping @Sendable () throws(TokenProblem) -> Fetched
    ) {
        self.now = now
        self.fetch = fetch
    }

    func token(then: @escaping Answer) {
        let ready: AccessToken? = state.withLock { state in
            if let held = state.held, !held.isRefused, held.renewAt.map({ now() < $0 }) ?? true { return held.token }
            state.waiting.append(then)
            guard !state.isFetching else { return nil }
            state.isFetching = true
            queue.async { [self] in fetchOne() }
            return nil
        }
        if let ready { then(.success(ready)) }
    }

    func wasRefused(_ token: AccessToken) -> Bool {
        state.withLock { state in
            // Another connection was refused with it, too, and there is a newer one by now.
            guard let held = state.held, held.token.number == token.number else { return true }
            state.held?.isRefused = true
            return !held.isLastTry
        }
    }

    func wasAccepted(_ token: AccessToken) {
        state.withLock { state in
            guard state.held?.token.number == token.number else { return }
            state.held?.isLastTry = false
        }
    }

    // MARK: Inside

    private func fetchOne() {
        let asked = now()
        let fetched = Result { () throws(TokenProblem) in try fetch() }
        let (waiting, answer) = state.withLock { state in
            state.isFetching = false
            defer { state.waiting = [] }
            return (state.waiting, take(fetched, asked: asked, &state))
        }
        for then in waiting { then(answer) }
    }

    private func take(
        _ fetched: Result<Fetched, TokenProblem>,
        asked: ContinuousClock.Instant,
        _ state: inout State
    ) -> Result<AccessToken, TokenProblem> {
        switch fetched {
        case .failure(let problem):
            // The old one may have some minutes left.
            if let held = state.held, !held.isRefused, held.endsAt.map({ now() < $0 }) ?? true {
                return .success(held.token)
            }
            return .failure(problem)
        case .success(let fetched):
            let end = fetched.lifetime.map { asked + .seconds($0) }
            let renewal = fetched.lifetime.map { asked + .seconds($0 - Self.margin($0)) }
            if var held = state.held, held.token.text == fetched.text {
                guard !held.isRefused else {
                    return .failure(TokenProblem("the token is the one that the server refused", isTemporary: false))
                }
                (held.renewAt, held.endsAt) = (renewal, end)
                state.held = held
                return .success(held.token)
            }
            state.number += 1
            let token = AccessToken(fetched.text, number: state.number)
            let isLastTry = state.held.map { $0.isRefused || $0.isLastTry } ?? false
            state.held = Held(token: token, renewAt: renewal, endsAt: end, isLastTry: isLastTry)
            return .success(token)
        }
    }

    /// How many seconds before its end a token is replaced: a fifth of its life, five minutes at most.
    private static func margin(_ lifetime: Int) -> Int {
        min(300, lifetime / 5)
    }
}

/// The tokens of a site's routes, each made once however many jobs take the route.
final class TokenSources: Sendable {
    private let all = Mutex<[String: RouteTokens]>([:])

    /// A route's tokens.
    func tokens(of route: String, make: () -> RouteTokens) -> RouteTokens {
        all.withLock { all in
            if let tokens = all[route] { return tokens }
            let tokens = make()
            all[route] = tokens
            return tokens
        }
    }
}
