import Foundation
import OpenSSL
import TestSupport

/// A certificate with its key, as files.
struct CertificateFiles: Sendable {
    /// The chain, the server's own first.
    var chain: String
    /// The private key.
    var key: String
    /// Chain and key in one file, as Postfix likes it.
    var both: String
}

/// An authority of the test's own that issues certificates into its directory.
struct Authority: Sendable {
    let authority: CertificateAuthority
    private let directory: TemporaryDirectory
    /// The root, as a file.
    let file: String

    init(name: String = "Test Root") throws {
        let now = Int64(Date().timeIntervalSince1970)
        directory = try TemporaryDirectory()
        authority = try CertificateAuthority(
            commonName: name,
            notBefore: now - 30 * 86_400,
            notAfter: now + 30 * 86_400
        )
        file = try directory.write("root.pem", authority.certificatePEM)
    }

    /// A certificate for some names, valid for some days from now on.
    func issued(
        _ names: [String],
        from: Int64 = -86_400,
        to: Int64 = 86_400,
        change: (inout CertificateRequest) -> Void = { _ in }
    ) throws -> IssuedCertificate {
        let now = Int64(Date().timeIntervalSince1970)
        var request = CertificateRequest(names: names, notBefore: now + from, notAfter: now + to)
        change(&request)
        return try authority.issue(request)
    }

    /// The same as files.
    func issue(
        _ names: [String] = ["localhost", "127.0.0.1"],
        from: Int64 = -86_400,
        to: Int64 = 86_400,
        change: (inout CertificateRequest) -> Void = { _ in }
    ) throws -> CertificateFiles {
        let issued = try issued(names, from: from, to: to, change: change)
        let key = issued.keyPEM.exposedCopy()
        let name = UUID().uuidString
        let files = CertificateFiles(
            chain: try directory.write("\(name).pem", issued.chainPEM),
            key: try directory.write("\(name).key", key),
            both: try directory.write("\(name).both", key + issued.chainPEM)
        )
        for file in [files.key, files.both] {
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        }
        return files
    }

    /// A certificate that nobody but itself vouches for.
    func selfSigned(_ name: String = "localhost") async throws -> CertificateFiles {
        let base = directory.path(UUID().uuidString)
        try await Program.output([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)", "-keyout", base + ".key", "-out",
            base + ".pem",
        ])
        let both =
            try Data(contentsOf: URL(fileURLWithPath: base + ".key"))
            + Data(contentsOf: URL(fileURLWithPath: base + ".pem"))
        try both.write(to: URL(fileURLWithPath: base + ".both"))
        return CertificateFiles(chain: base + ".pem", key: base + ".key", both: base + ".both")
    }

    /// What Chromium calls a certificate: the base64 of the SHA-256 of its public key.
    static func pin(_ files: CertificateFiles) async throws -> String {
        try await Program.output([
            "sh", "-c",
            "openssl x509 -in \"$0\" -pubkey -noout | openssl pkey -pubin -outform der"
                + " | openssl dgst -sha256 -binary | openssl base64",
            files.chain,
        ]).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
