internal import COpenSSL

/// HMAC-SHA256 (RFC 2104, FIPS 198-1) under one key; any number of threads may ask at once.
@safe public final class HMACSHA256: @unchecked Sendable {
    // Sendable: `keyed` is never changed after `init`; each tag is computed in a duplicate, and duplicating only reads.
    private let keyed: OpaquePointer

    /// How many bytes a tag has.
    public static let byteCount = 32

    /// Takes a key of any length; 32 random bytes are right.
    public init(key: SecretBytes) {
        unsafe keyed = needed(EVP_MAC_CTX_new(Algorithms.shared.hmac), "HMAC")
        unsafe key.withBytes { key in
            let start = unsafe key.baseAddress?.assumingMemoryBound(to: UInt8.self)
            unsafe succeeded(wardpost_hmac_sha256_init(keyed, start, key.count), "HMAC")
        }
    }

    deinit {
        unsafe EVP_MAC_CTX_free(keyed)
    }

    /// The tag of some bytes.
    public func tag(of bytes: [UInt8]) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe tag(of: $0) }
    }

    /// The tag of some bytes.
    public func tag(of bytes: ArraySlice<UInt8>) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe tag(of: $0) }
    }

    /// The tag of some bytes.
    public func tag(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        unsafe tag { feed in unsafe feed(bytes) }
    }

    /// Whether a tag belongs to some bytes, found out in constant time.
    public func isValid(_ tag: [UInt8], for bytes: [UInt8]) -> Bool {
        constantTimeEqual(self.tag(of: bytes), tag)
    }

    /// The tag of what `body` feeds in, piece by piece.
    func tag(of body: ((UnsafeRawBufferPointer) -> Void) -> Void) -> [UInt8] {
        let context = unsafe needed(EVP_MAC_CTX_dup(keyed), "HMAC")
        defer { unsafe EVP_MAC_CTX_free(context) }
        unsafe body { bytes in
            guard let start = bytes.baseAddress else { return }
            let first = unsafe start.assumingMemoryBound(to: UInt8.self)
            succeeded(unsafe EVP_MAC_update(context, first, bytes.count), "HMAC")
        }
        return unsafe [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, initialized in
            succeeded(unsafe EVP_MAC_final(context, buffer.baseAddress, &initialized, buffer.count), "HMAC")
        }
    }
}
