internal import COpenSSL

/// A certificate in the making (RFC 5280).
struct CertificateBuilder {
    private let certificate: Certificate

    /// Starts with subject, dates, key and a random serial number.
    init(commonName: String, notBefore: Int64, notAfter: Int64, key: Key) {
        let x509 = unsafe needed(X509_new(), "a certificate")
        unsafe certificate = Certificate(takingOwnershipOf: x509)
        unsafe succeeded(X509_set_version(x509, 2), "the version")
        unsafe Self.setSerial(x509)
        guard unsafe ASN1_TIME_set(X509_getm_notBefore(x509), Int(notBefore)) != nil,
            unsafe ASN1_TIME_set(X509_getm_notAfter(x509), Int(notAfter)) != nil
        else { fatalError("OpenSSL failed at the dates") }
        // A common name has 64 characters at most, a host name up to 253.
        let name = Array(commonName.utf8.prefix(64))
        unsafe succeeded(
            X509_NAME_add_entry_by_NID(
                X509_get_subject_name(x509),
                NID_commonName,
                MBSTRING_UTF8,
                name,
                Int32(name.count),
                -1,
                0
            ),
            "the subject"
        )
        unsafe succeeded(key.withPointer { unsafe X509_set_pubkey(x509, $0) }, "the key")
    }

    /// Says what an authority's certificate must say.
    func makeAuthority(_ limits: CertificateAuthority.Limits, issuer: Certificate?) throws(OpenSSLError) {
        let path = limits.pathLength.map { ",pathlen:\($0)" } ?? ""
        try add(NID_basic_constraints, limits.isAuthority ? "critical,CA:TRUE\(path)" : "critical,CA:FALSE")
        try add(NID_key_usage, "critical,keyCertSign,cRLSign")
        try add(NID_subject_key_identifier, "hash")
        try add(NID_authority_key_identifier, "keyid:always", issuer: issuer)
        if let domain = limits.permittedDomain {
            try add(NID_name_constraints, "critical,permitted;DNS:\(domain)")
        }
    }

    /// Says what a request asks for.
    func makeLeaf(_ request: CertificateRequest, issuer: Certificate) throws(OpenSSLError) {
        try add(NID_basic_constraints, "critical,CA:FALSE")
        try add(
            NID_key_usage,
            request.keyType == .p256 ? "critical,digitalSignature" : "critical,digitalSignature,keyEncipherment"
        )
        try add(NID_ext_key_usage, request.usages.map(\.rawValue).joined(separator: ","))
        try add(NID_subject_key_identifier, "hash")
        try add(NID_authority_key_identifier, "keyid:always", issuer: issuer)
        try addNames(request)
        if request.hasUnknownCriticalExtension {
            addUnknownCriticalExtension()
        }
    }

    /// Signs it with the issuer's key; without an issuer it is its own.
    func signed(
        by key: Key,
        issuer: Certificate? = nil,
        digest: CertificateRequest.Digest
    ) throws(OpenSSLError) -> Certificate {
        ErrorQueue.clear()
        let size = unsafe certificate.withPointer { certificate in
            let name = unsafe (issuer ?? self.certificate).withPointer { unsafe X509_get_subject_name($0) }
            unsafe succeeded(X509_set_issuer_name(certificate, name), "the issuer")
            let algorithm =
                switch digest {
                case .sha256: unsafe EVP_sha256()
                case .sha1: unsafe EVP_sha1()
                case .md5: unsafe EVP_md5()
                }
            return unsafe key.withPointer { unsafe X509_sign(certificate, $0, algorithm) }
        }
        guard size > 0 else {
            throw OpenSSLError(.unsupported, "the certificate cannot be signed (\(ErrorQueue.reason()))")
        }
        return certificate
    }

    // MARK: Extensions

    /// Adds an extension in the notation of `openssl x509v3_config`.
    private func add(_ nid: Int32, _ value: String, issuer: Certificate? = nil) throws(OpenSSLError) {
        ErrorQueue.clear()
        let added = unsafe certificate.withPointer { certificate in
            unsafe (issuer ?? self.certificate).withPointer { issuer in
                var context = unsafe X509V3_CTX()
                unsafe X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
                guard let item = unsafe X509V3_EXT_conf_nid(nil, &context, nid, value) else { return false }
                defer { unsafe X509_EXTENSION_free(item) }
                return unsafe X509_add_ext(certificate, item, -1) == 1
            }
        }
        guard added else {
            throw OpenSSLError(.unsupported, "an extension cannot be written (\(ErrorQueue.reason()))")
        }
    }

    /// Adds the SANs one by one, since a name in OpenSSL's notation could bring others with it.
    private func addNames(_ request: CertificateRequest) throws(OpenSSLError) {
        guard !request.names.isEmpty || !request.rawNames.isEmpty else { return }
        let names = unsafe needed(OPENSSL_sk_new_null(), "the names")
        defer { unsafe GENERAL_NAMES_free(names) }
        for name in request.names {
            if let address = unsafe a2i_IPADDRESS(name) {
                unsafe append(address, as: GEN_IPADD, to: names)
            } else {
                unsafe append(Self.string(Array(name.utf8)), as: GEN_DNS, to: names)
            }
        }
        for name in request.rawNames {
            unsafe append(Self.string(name), as: GEN_DNS, to: names)
        }
        // A name that is no address left its reason behind.
        ErrorQueue.clear()
        unsafe certificate.withPointer { certificate in
            let value = unsafe UnsafeMutableRawPointer(names)
            unsafe succeeded(X509_add1_ext_i2d(certificate, NID_subject_alt_name, value, 0, 0), "the names")
        }
    }

    /// Adds a name to the list, which takes it over.
    private func append(_ value: UnsafeMutablePointer<ASN1_STRING>, as kind: Int32, to names: OpaquePointer) {
        guard let name = unsafe GENERAL_NAME_new() else { fatalError("OpenSSL cannot provide a name") }
        unsafe GENERAL_NAME_set0_value(name, kind, value)
        guard unsafe OPENSSL_sk_push(names, name) > 0 else { fatalError("OpenSSL failed at the names") }
    }

    /// Adds an extension under a number that belongs to nobody (RFC 7229 keeps the arc for tests).
    private func addUnknownCriticalExtension() {
        let object = unsafe OBJ_txt2obj("1.3.6.1.5.5.7.13.1", 1)
        defer { unsafe ASN1_OBJECT_free(object) }
        let value = unsafe Self.string([0x05, 0x00])
        defer { unsafe ASN1_STRING_free(value) }
        let item = unsafe X509_EXTENSION_create_by_OBJ(nil, object, 1, value)
        defer { unsafe X509_EXTENSION_free(item) }
        unsafe certificate.withPointer { certificate in
            unsafe succeeded(X509_add_ext(certificate, item, -1), "an extension")
        }
    }

    /// A string of any bytes; the type is the one that host names have.
    private static func string(_ bytes: [UInt8]) -> UnsafeMutablePointer<ASN1_STRING> {
        guard let string = unsafe ASN1_STRING_type_new(V_ASN1_IA5STRING) else {
            fatalError("OpenSSL cannot provide a string")
        }
        unsafe succeeded(ASN1_STRING_set(string, bytes, Int32(bytes.count)), "a string")
        return unsafe string
    }

    /// 127 random bits, so that no two certificates of an issuer share a number.
    private static func setSerial(_ x509: OpaquePointer) {
        let number = unsafe needed(BN_new(), "a number")
        defer { unsafe BN_free(number) }
        unsafe succeeded(BN_rand(number, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), "a number")
        guard unsafe BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != nil else {
            fatalError("OpenSSL failed at the serial number")
        }
    }
}
