internal import COpenSSL

/// SHA-256 (FIPS 180-4), over pieces, with one context used again and again.
///
///     var hasher = SHA256()
///     hasher.update(line)
///     let digest = hasher.finalize()   // the hasher is fresh again
@safe public struct SHA256: ~Copyable, @unchecked Sendable {
    // Sendable: the context is reachable through this value alone, which cannot be copied.
    private let context: OpaquePointer

    /// How many bytes a digest has.
    public static let byteCount = 32

    /// A hasher that has seen nothing.
    public init() {
        unsafe context = needed(EVP_MD_CTX_new(), "a digest context")
        succeeded(unsafe EVP_DigestInit_ex2(context, Algorithms.shared.sha256, nil), "SHA-256")
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    /// Takes in the next bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        succeeded(unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count), "SHA-256")
    }

    /// Takes in the next bytes.
    public mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }

    /// Takes in the next bytes.
    public mutating func update(_ bytes: ArraySlice<UInt8>) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }

    /// Writes the digest into the first 32 bytes of `digest`, and starts anew.
    public mutating func finalize(into digest: UnsafeMutableRawBufferPointer) {
        precondition(digest.count >= Self.byteCount, "a digest needs 32 bytes")
        let start = unsafe digest.baseAddress?.assumingMemoryBound(to: UInt8.self)
        succeeded(unsafe EVP_DigestFinal_ex(context, start, nil), "SHA-256")
        reset()
    }

    /// The digest of all bytes since the last start; the hasher starts anew.
    public mutating func finalize() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.byteCount)
        unsafe digest.withUnsafeMutableBytes { unsafe finalize(into: $0) }
        return digest
    }

    /// The digest of all bytes since the last start; the hasher goes on.
    public func digestSoFar() -> [UInt8] {
        let copy = unsafe needed(EVP_MD_CTX_new(), "a digest context")
        defer { unsafe EVP_MD_CTX_free(copy) }
        succeeded(unsafe EVP_MD_CTX_copy_ex(copy, context), "SHA-256")
        var digest = [UInt8](repeating: 0, count: Self.byteCount)
        unsafe digest.withUnsafeMutableBytes { buffer in
            let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
            succeeded(unsafe EVP_DigestFinal_ex(copy, start, nil), "SHA-256")
        }
        return digest
    }

    /// Forgets what was taken in.
    public mutating func reset() {
        succeeded(unsafe EVP_DigestInit_ex2(context, nil, nil), "SHA-256")
    }

    /// The digest of some bytes.
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hasher = SHA256()
        unsafe hasher.update(bytes)
        return hasher.finalize()
    }

    /// The digest of some bytes.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe hash($0) }
    }

    /// The digest of some bytes.
    public static func hash(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe hash($0) }
    }
}
