internal import COpenSSL

/// Random bytes from OpenSSL's generator (SP 800-90A), seeded by the kernel.
public enum Random {
    /// Some bytes that nobody can guess.
    public static func bytes(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe fill(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
            initialized = count
        }
    }

    /// Fills memory; a generator that cannot give is the end of the process, since nothing safe can follow.
    static func fill(_ memory: UnsafeMutableRawBufferPointer) {
        guard memory.count > 0 else { return }
        let start = unsafe memory.baseAddress?.assumingMemoryBound(to: UInt8.self)
        succeeded(unsafe RAND_bytes(start, Int32(memory.count)), "random bytes")
    }
}
