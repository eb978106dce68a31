internal import COpenSSL

/// What a certificate says of itself, for people.
public struct CertificateFacts: Hashable, Sendable {
    /// The subject, as RFC 2253 writes it; proves nothing.
    public let subject: String
    /// The issuer, as RFC 2253 writes it.
    public let issuer: String
    /// The SANs that are host names or addresses, at most 100.
    public let names: [String]
    /// From when it is valid, in seconds since 1970.
    public let notBefore: Int64
    /// Until when it is valid, in seconds since 1970.
    public let notAfter: Int64
    /// The kind of its key: `RSA`, `EC P-256`, `ED25519`.
    public let keyType: String
    /// The size of its key.
    public let keyBits: Int
    /// The algorithm of its signature, as OpenSSL names it.
    public let signature: String
    /// SHA-256 over the whole certificate.
    public let fingerprint: [UInt8]

    init(_ certificate: Certificate) {
        self = unsafe certificate.withPointer { unsafe CertificateFacts($0) }
    }

    /// Reads a certificate that somebody else owns.
    init(_ certificate: OpaquePointer) {
        unsafe subject = Self.text(X509_get_subject_name(certificate))
        unsafe issuer = Self.text(X509_get_issuer_name(certificate))
        unsafe names = Self.names(certificate)
        unsafe notBefore = Self.seconds(X509_get0_notBefore(certificate))
        unsafe notAfter = Self.seconds(X509_get0_notAfter(certificate))
        if let key = unsafe X509_get0_pubkey(certificate) {
            unsafe keyType = Self.type(key)
            unsafe keyBits = Int(EVP_PKEY_get_bits(key))
        } else {
            (keyType, keyBits) = ("unknown", 0)
        }
        let algorithm = unsafe OBJ_nid2sn(X509_get_signature_nid(certificate))
        signature = unsafe algorithm.map { unsafe String(cString: $0) } ?? "unknown"
        var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
        unsafe succeeded(X509_digest(certificate, EVP_sha256(), &digest, nil), "a fingerprint")
        fingerprint = digest
        ErrorQueue.clear()
    }

    /// The moment of a certificate's time; a broken one is long past.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var fields = unsafe tm()
        guard let time = unsafe time, unsafe ASN1_TIME_to_tm(time, &fields) == 1 else { return 0 }
        return Int64(unsafe timegm(&fields))
    }

    private static func text(_ name: OpaquePointer?) -> String {
        guard let name = unsafe name else { return "" }
        let bio = unsafe needed(BIO_new(BIO_s_mem()), "a buffer")
        defer { unsafe BIO_free(bio) }
        // Control characters and those beyond ASCII are escaped: this goes to terminals.
        guard unsafe wardpost_print_name(bio, name) >= 0 else { return "" }
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe wardpost_bio_memory(bio, &start)
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: min(count, 400))
        return unsafe printable(bytes)
    }

    private static func names(_ certificate: OpaquePointer) -> [String] {
        guard let value = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
        let list = OpaquePointer(value)
        defer { unsafe GENERAL_NAMES_free(list) }
        var names: [String] = []
        for index in 0..<min(100, unsafe OPENSSL_sk_num(list)) {
            guard let item = unsafe OPENSSL_sk_value(list, index) else { continue }
            var kind: Int32 = 0
            let name = unsafe item.assumingMemoryBound(to: GENERAL_NAME.self)
            guard let content = unsafe GENERAL_NAME_get0_value(name, &kind), kind == GEN_DNS || kind == GEN_IPADD else {
                continue
            }
            let string = unsafe content.assumingMemoryBound(to: ASN1_STRING.self)
            let bytes = unsafe UnsafeRawBufferPointer(
                start: ASN1_STRING_get0_data(string),
                count: Int(ASN1_STRING_length(string))
            )
            names.append(unsafe kind == GEN_DNS ? printable(bytes) : address(bytes))
        }
        return names
    }

    private static func address(_ bytes: UnsafeRawBufferPointer) -> String {
        if bytes.count == 4 { return unsafe bytes.map { String($0) }.joined(separator: ".") }
        let words = stride(from: 0, to: bytes.count - 1, by: 2).map { index in
            String(unsafe UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]), radix: 16)
        }
        return words.joined(separator: ":")
    }

    private static func printable(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: unsafe bytes.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    private static func type(_ key: OpaquePointer) -> String {
        let name = unsafe EVP_PKEY_get0_type_name(key).map { unsafe String(cString: $0) } ?? "unknown"
        guard name == "EC" else { return name }
        var group = [CChar](repeating: 0, count: 64)
        var count = 0
        guard unsafe EVP_PKEY_get_group_name(key, &group, group.count, &count) == 1 else { return name }
        let text = String(decoding: group.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "EC \(["prime256v1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"][text] ?? text)"
    }
}
