internal import COpenSSL

/// PBKDF2 with HMAC-SHA256 (RFC 8018 section 5.2): a password made slow to guess.
public enum PBKDF2 {
    /// Derives as many bytes as SHA-256 gives: RFC 5802's `Hi`.
    ///
    /// It takes about a third of a microsecond for each iteration; whoever takes the count from somebody else bounds it.
    public static func sha256(_ password: SecretBytes, salt: [UInt8], iterations: Int) -> SecretBytes {
        var derived = [UInt8](repeating: 0, count: SHA256.byteCount)
        unsafe password.withBytes { password in
            // A null pointer would be an empty password to OpenSSL, too, but not a count below zero.
            let start = unsafe password.baseAddress?.assumingMemoryBound(to: CChar.self)
            unsafe succeeded(
                PKCS5_PBKDF2_HMAC(
                    start,
                    Int32(clamping: password.count),
                    salt,
                    Int32(clamping: salt.count),
                    Int32(clamping: iterations),
                    EVP_sha256(),
                    Int32(derived.count),
                    &derived
                ),
                "PBKDF2"
            )
        }
        let secret = SecretBytes(copying: derived)
        unsafe derived.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
        return secret
    }
}
