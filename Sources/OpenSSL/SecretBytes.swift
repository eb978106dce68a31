internal import COpenSSL

/// Bytes that must not be shown or left behind: keys, passwords, PEM private keys.
///
/// They are wiped when the last copy of the value goes, compared in constant time, and print as `<redacted>`.
public struct SecretBytes: Sendable {
    private let storage: Storage

    /// Copies bytes; wiping the source is up to the caller.
    public init(copying bytes: UnsafeRawBufferPointer) {
        storage = unsafe Storage(count: bytes.count) { unsafe $0.copyMemory(from: bytes) }
    }

    /// Copies bytes; wiping the source is up to the caller.
    public init(copying bytes: [UInt8]) {
        self = unsafe bytes.withUnsafeBytes { unsafe SecretBytes(copying: $0) }
    }

    /// Makes bytes that nobody can guess.
    public init(random count: Int) {
        storage = unsafe Storage(count: count) { unsafe Random.fill($0) }
    }

    /// How many bytes there are.
    public var count: Int {
        unsafe storage.bytes.count
    }

    /// Whether there are none.
    public var isEmpty: Bool {
        count == 0
    }

    /// Lends the bytes; the pointer ends with the call.
    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The storage must outlive the call: it wipes its memory when it goes.
        defer { withExtendedLifetime(storage) {} }
        return try unsafe body(UnsafeRawBufferPointer(storage.bytes))
    }

    /// A plain copy, which is not wiped, for the few places that have to write the bytes down.
    public func exposedCopy() -> [UInt8] {
        unsafe withBytes { unsafe [UInt8]($0) }
    }

    /// Memory that is wiped before it is given back.
    @safe private final class Storage: @unchecked Sendable {  // Written before `init` returns, only read after.
        let bytes: UnsafeMutableRawBufferPointer

        init(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
            unsafe bytes = .allocate(byteCount: count, alignment: 16)
            unsafe fill(bytes)
        }

        deinit {
            unsafe OPENSSL_cleanse(bytes.baseAddress, bytes.count)
            unsafe bytes.deallocate()
        }
    }
}

extension SecretBytes: Equatable {
    /// Compares in a time that depends on the length alone.
    public static func == (left: SecretBytes, right: SecretBytes) -> Bool {
        unsafe left.withBytes { left in
            unsafe right.withBytes { right in
                unsafe constantTimeEqual(left, right)
            }
        }
    }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always `<redacted>`.
    public var description: String {
        "<redacted>"
    }

    /// Always `<redacted>`.
    public var debugDescription: String {
        "<redacted>"
    }

    /// A mirror without children, so that `dump` finds nothing.
    public var customMirror: Mirror {
        Mirror(self, children: EmptyCollection<Mirror.Child>())
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
public func constantTimeEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else { return false }
    guard let first = left.baseAddress, let second = right.baseAddress else { return true }
    return unsafe CRYPTO_memcmp(first, second, left.count) == 0
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
public func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    unsafe left.withUnsafeBytes { left in
        unsafe right.withUnsafeBytes { right in
            unsafe constantTimeEqual(left, right)
        }
    }
}
