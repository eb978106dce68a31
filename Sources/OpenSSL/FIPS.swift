internal import COpenSSL
import Synchronization

/// The FIPS provider: all of this process's OpenSSL from a module that NIST validated (FIPS 140), or nothing.
public enum FIPS {
    private static let state = Mutex(false)

    /// Whether everything comes from the FIPS provider.
    public static var isOn: Bool { state.withLock { $0 } }

    /// Takes all cryptography of the process from the FIPS provider from now on.
    ///
    /// Call it before anything else of this module; what was made earlier from another provider is found, and refused.
    ///
    /// - Throws: ``OpenSSLError/Code/fipsUnavailable`` with what is missing.
    public static func require() throws(OpenSSLError) {
        let problem: String? = state.withLock { isOn in
            guard !isOn else { return nil }
            let problem = enable()
            isOn = problem == nil
            return problem
        }
        ErrorQueue.clear()
        guard let problem else { return }
        throw OpenSSLError(.fipsUnavailable, problem)
    }

    /// Says what is wrong; `nil` if all is well.
    private static func enable() -> String? {
        ErrorQueue.clear()
        // One that is not there must not take the others away: the failure may be told by a process that goes on.
        guard let provider = unsafe OSSL_PROVIDER_try_load(nil, "fips", 1) else {
            return "OpenSSL's FIPS provider cannot be loaded (\(ErrorQueue.reason()))"
        }
        // Reads keys and certificates, and seeds from the kernel; holds no algorithm that is to be approved.
        guard unsafe OSSL_PROVIDER_load(nil, "base") != nil else {
            return "OpenSSL's base provider cannot be loaded (\(ErrorQueue.reason()))"
        }
        guard unsafe OSSL_PROVIDER_self_test(provider) == 1 else {
            return "the FIPS provider does not pass its self-test (\(ErrorQueue.reason()))"
        }
        guard EVP_default_properties_enable_fips(nil, 1) == 1,
            EVP_default_properties_is_fips_enabled(nil) == 1
        else { return "OpenSSL cannot be told to use the FIPS provider alone (\(ErrorQueue.reason()))" }
        return unapproved()
    }

    /// Looks whether what this module uses does come from the provider, and what must not be there is not.
    private static func unapproved() -> String? {
        let algorithms = Algorithms.shared
        let isGood =
            unsafe isFIPS(EVP_MD_get0_provider(algorithms.sha256))
            && isFIPS(EVP_CIPHER_get0_provider(algorithms.aes256gcm)) && isFIPS(EVP_MAC_get0_provider(algorithms.hmac))
        guard isGood else {
            return "an algorithm was taken from another provider before the FIPS provider was asked for"
        }
        let generator = unsafe RAND_get0_primary(nil)
        guard let generator = unsafe generator,
            unsafe isFIPS(EVP_RAND_get0_provider(EVP_RAND_CTX_get0_rand(generator)))
        else { return "the random generator does not come from the FIPS provider (\(ErrorQueue.reason()))" }
        if let digest = unsafe EVP_MD_fetch(nil, "MD5", nil) {
            unsafe EVP_MD_free(digest)
            return "MD5 is still there, which no FIPS provider has"
        }
        return nil
    }

    private static func isFIPS(_ provider: OpaquePointer?) -> Bool {
        guard let provider = unsafe provider, let name = unsafe OSSL_PROVIDER_get0_name(provider) else { return false }
        return unsafe String(cString: name) == "fips"
    }
}
