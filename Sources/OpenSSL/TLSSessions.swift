internal import COpenSSL
import Synchronization

/// The sessions that a client may take up again with the servers that gave them, so that a further connection costs
/// neither side a signature.
///
/// It belongs to one ``TLSContext``, and so to one set of roots and one route.
///
/// A session is offered only to the name that it was made with, and never after the end of any certificate of the chain
/// that verified then, nor long after that verification. Taking it up verifies the chain and the name again; what is saved is the handshake, not the care.
final class TLSSessions: Sendable {
    /// How long after a full handshake its session is taken up, in seconds.
    ///
    /// A server's key that was replaced, or the root's trust in it, cannot outlive its certificate's owner by more.
    static let longestAge: Int64 = 3_600
    /// How many sessions are kept for a name; each is used once, and a server gives one or two a connection.
    static let most = 64

    /// Until when a session's server counts as verified.
    struct Validity: Hashable {
        /// The moment, in seconds since 1970.
        var end: Int64
    }

    /// A session and its validity.
    @safe struct Kept: @unchecked Sendable {
        // Sendable: OpenSSL counts references atomically and changes a session that it has handed out in one way only, under
        // its context's lock: a connection that ends with a fatal alert sets the flag that its session is not to be
        // taken up (RFC 8446 section 6.2), which `offer(on:)` asks for. A copy of our own would miss that.
        fileprivate let pointer: OpaquePointer
        let validity: Validity

        /// Becomes the owner of one reference.
        init(takingOwnershipOf pointer: OpaquePointer, _ validity: Validity) {
            unsafe self.pointer = unsafe pointer
            self.validity = validity
        }

        /// Has a connection offer it, and gives the reference back.
        func offer(on ssl: OpaquePointer) -> Bool {
            defer { free() }
            return unsafe SSL_SESSION_is_resumable(pointer) == 1 && SSL_set_session(ssl, pointer) == 1
        }

        fileprivate func free() {
            unsafe SSL_SESSION_free(pointer)
        }
    }

    private let kept = Mutex<[String: [Kept]]>([:])

    deinit {
        clear()
    }

    /// Takes the newest session for a name out, if one is still good.
    func take(for name: String, now: Int64) -> Kept? {
        kept.withLock { kept in
            while let newest = kept[name]?.popLast() {
                if now < newest.validity.end { return newest }
                newest.free()
            }
            return nil
        }
    }

    /// Keeps a session.
    func keep(_ session: Kept, for name: String) {
        kept.withLock { kept in
            kept[name, default: []].append(session)
            if let count = kept[name]?.count, count > Self.most { kept[name]?.removeFirst().free() }
        }
    }

    /// Forgets a name's sessions, or all.
    func clear(_ name: String? = nil) {
        kept.withLock { kept in
            for (key, sessions) in kept where name == nil || key == name {
                for session in sessions { session.free() }
                kept[key] = nil
            }
        }
    }

    /// How many are kept for a name.
    func count(for name: String) -> Int {
        kept.withLock { $0[name]?.count ?? 0 }
    }
}
