/// The engine over arrays, where a copy more does not matter.
extension TLSEngine {
    /// Takes in what came from the network.
    public func receive(_ ciphertext: [UInt8]) {
        unsafe ciphertext.withUnsafeBytes { unsafe receive($0) }
    }

    /// All bytes that wait to be sent to the network.
    public func takeOutput() -> [UInt8] {
        let count = pendingOutput
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = unsafe takeOutput(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// Encrypts plaintext.
    public func write(_ plaintext: [UInt8]) throws(TLSError) {
        try unsafe plaintext.withUnsafeBufferPointer { bytes throws(TLSError) in
            try unsafe write(UnsafeRawBufferPointer(bytes))
        }
    }

    /// Reads all plaintext there is, and says whether the other side ended the session.
    public func readPlaintext() throws(TLSError) -> (bytes: [UInt8], isClosed: Bool) {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let result = try unsafe buffer.withUnsafeMutableBufferPointer { buffer throws(TLSError) in
                try unsafe readPlaintext(into: UnsafeMutableRawBufferPointer(buffer))
            }
            switch result {
            case .bytes(let count): bytes.append(contentsOf: buffer[..<count])
            case .needsInput: return (bytes, false)
            case .closedCleanly: return (bytes, true)
            }
        }
    }
}
