internal import COpenSSL

/// The algorithms, fetched from their provider once: a fetch costs more than a short hash.
///
/// `EVP_MD`, `EVP_CIPHER` and `EVP_MAC` are immutable and counted; OpenSSL's own threads share them without a lock.
@safe struct Algorithms: @unchecked Sendable {  // Three pointers to immutable, never freed objects.
    static let shared = Algorithms()

    let sha256: OpaquePointer
    let aes256gcm: OpaquePointer
    let hmac: OpaquePointer

    private init() {
        unsafe sha256 = needed(EVP_MD_fetch(nil, "SHA256", nil), "SHA-256")
        unsafe aes256gcm = needed(EVP_CIPHER_fetch(nil, "AES-256-GCM", nil), "AES-256-GCM")
        unsafe hmac = needed(EVP_MAC_fetch(nil, "HMAC", nil), "HMAC")
    }
}

/// What OpenSSL can only fail to give when memory has run out or its installation is broken; there is no going on.
func needed(_ pointer: OpaquePointer?, _ what: StaticString) -> OpaquePointer {
    guard let pointer = unsafe pointer else { fatalError("OpenSSL cannot provide \(what)") }
    return unsafe pointer
}

/// The same for calls that answer 1: they fail only for want of memory or by a mistake in this module.
func succeeded(_ answer: Int32, _ what: StaticString) {
    guard answer == 1 else { fatalError("OpenSSL failed at \(what)") }
}

/// The thread's error queue.
///
/// It must be read on the thread that made the failing call, before any suspension.
enum ErrorQueue {
    /// Empties the queue, so that what is read after the next call was put there by it.
    static func clear() {
        ERR_clear_error()
    }

    /// Empties the queue and returns the reasons in it, deepest first, without file names or data.
    static func drain() -> [(code: UInt, reason: String)] {
        var reasons: [(code: UInt, reason: String)] = []
        while true {
            let code = ERR_get_error()
            guard code != 0 else { return reasons }
            let text = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) } ?? "unknown reason"
            reasons.append((code, text))
        }
    }

    /// The first reason in words; the queue is empty afterwards.
    static func reason(_ fallback: String = "no reason given") -> String {
        drain().first?.reason ?? fallback
    }
}
