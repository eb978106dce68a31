public import Core
internal import OpenSSL
internal import Synchronization

/// A site's token keys as they are now: read anew when their file changes, and another one mints when its time has come.
public final class TokenKeyRing: Sendable {
    private struct State {
        var keys: [TokenKey]
        /// The minting key when somebody last asked what is new.
        var minting: UInt8
    }

    private let state: Mutex<State>
    /// What never changes; `nil` where it may.
    private let fixed: TokenKeys?
    private let validDays: Int
    private let read: @Sendable () throws -> [TokenKey]?

    /// Takes keys that may change.
    ///
    /// - Parameters:
    ///   - keys: The keys, one at least, each with a number of its own.
    ///   - validDays: For how long a replaced key's tokens for opens and clicks go on working.
    ///   - read: Gives all keys, one at least, if they are others than when it was last asked; `nil` if they are not.
    public init(
        _ keys: [TokenKey],
        validDays: Int = TokenKeys.defaultValidDays,
        read: @escaping @Sendable () throws -> [TokenKey]?
    ) {
        self.validDays = validDays
        self.read = read
        fixed = nil
        state = Mutex(State(keys: keys, minting: TokenKeys(keys, validDays: validDays).minting.id))
    }

    /// Takes keys that stay as they are.
    public init(_ keys: TokenKeys) {
        fixed = keys
        validDays = TokenKeys.defaultValidDays
        read = { nil }
        state = Mutex(State(keys: keys.all, minting: keys.minting.id))
    }

    /// The keys as they were last read, by the time that it is now.
    public var current: TokenKeys {
        current(at: .now)
    }

    func current(at now: Timestamp) -> TokenKeys {
        fixed ?? TokenKeys(state.withLock { $0.keys }, now: now, validDays: validDays)
    }

    /// Reads the keys again if they changed; what cannot be used leaves those in force that were there.
    public func refresh() throws {
        guard let keys = try read(), !keys.isEmpty else { return }
        state.withLock { $0.keys = keys }
    }

    /// The keys, if they are others than when this was last asked, or another one mints by now; `nil` if nothing is new.
    ///
    /// For one asker: who asks next hears of nothing that this one was told.
    public func renewed(at now: Timestamp = .now) throws -> TokenKeys? {
        let before = state.withLock { $0.keys.map(\.name) }
        try refresh()
        let keys = current(at: now)
        return state.withLock { state in
            defer { state.minting = keys.minting.id }
            return state.keys.map(\.name) != before || state.minting != keys.minting.id ? keys : nil
        }
    }

    /// The key of event files with a number; a number that nobody knows may be a new key's.
    func eventKey(_ id: Int) -> HMACSHA256? {
        if let key = known(id) { return key }
        try? refresh()
        return known(id)
    }

    private func known(_ id: Int) -> HMACSHA256? {
        let keys = current
        return keys.all.first { Int($0.id) == id }.map { keys.derived($0, for: EventFile.keyUse) }
    }
}

extension TokenKey {
    /// What tells it from another, without its secret.
    fileprivate var name: [UInt8] {
        HMACSHA256(key: secret).tag(of: [id] + Array((since?.description ?? "").utf8))
    }
}
