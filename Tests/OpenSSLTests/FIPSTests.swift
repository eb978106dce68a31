import Core
import Foundation
import OpenSSL
import TestSupport
import Testing

/// Where a FIPS provider may be found, and how a process is told of it.
///
/// Debian has no package of one. `WARDPOST_FIPS_MODULE` names a `fips.so` that was built from OpenSSL 3.0's sources.
enum FIPSProvider {
    static let module: String? = {
        let named = ProcessInfo.processInfo.environment["WARDPOST_FIPS_MODULE"]
        let usual = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"].map {
            $0 + "/ossl-modules/fips.so"
        }
        return ([named].compactMap { $0 } + usual).first { FileManager.default.fileExists(atPath: $0) }
    }()

    /// How this process is refused it.
    static var refusal: OpenSSLError? {
        do throws(OpenSSLError) {
            try FIPS.require()
            return nil
        } catch {
            return error
        }
    }

    /// Installs the provider in a directory and points OpenSSL, which has not begun in this process, to it.
    static func install(in directory: TemporaryDirectory, damaged: Bool = false) throws {
        guard let module else { return }
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: module)))
        try directory.write("modules/fips.so", bytes)
        let path = directory.path("modules/fips.so")
        try Command.run(
            [
                "openssl", "fipsinstall", "-module", path, "-out", directory.path("fipsmodule.cnf"), "-provider_name",
                "fips",
            ]
        )
        if damaged {
            // The last byte of the last text in it: nothing that runs, but not what was measured.
            let start =
                bytes.indices.first { bytes[$0...].starts(with: "OpenSSL FIPS Provider".utf8) } ?? bytes.count / 2
            bytes[start] ^= 1
            try directory.write("modules/fips.so", bytes)
        }
        try directory.write(
            "openssl.cnf",
            text: """
                openssl_conf = openssl_init
                .include \(directory.path("fipsmodule.cnf"))
                [openssl_init]
                providers = provider_sect
                [provider_sect]
                base = base_sect
                \(damaged ? "" : "fips = fips_sect")
                [base_sect]
                activate = 1

                """
        )
        unsafe setenv("OPENSSL_CONF", directory.path("openssl.cnf"), 1)
        unsafe setenv("OPENSSL_MODULES", directory.path("modules"), 1)
    }
}

@Suite("The FIPS provider")
struct FIPSTests {
    @Test("without it nothing goes on, and nothing is changed")
    func missing() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            unsafe setenv("OPENSSL_MODULES", directory.path, 1)
            guard let error = FIPSProvider.refusal, !FIPS.isOn else { exit(2) }
            guard error.description.hasPrefix("OpenSSL's FIPS provider cannot be loaded") else { exit(3) }
            guard SHA256.hash([UInt8]()).count == 32 else { exit(4) }
        }
    }

    @Test("with it all that we do works, and what it does not have is gone", .enabled(if: FIPSProvider.module != nil))
    func on() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            try FIPSProvider.install(in: directory)
            try FIPS.require()
            try FIPS.require()
            guard FIPS.isOn else { exit(1) }
            guard hex(SHA256.hash(Array("abc".utf8))).hasPrefix("ba7816bf") else { exit(2) }
            let key = SecretBytes(random: 32)
            guard HMACSHA256(key: key).tag(of: [1, 2, 3]).count == 32 else { exit(3) }
            let sealing = SealingKey(key)
            let sealed = sealing.seal(Array("token".utf8), context: [7])
            guard sealing.open(sealed, context: [7]) == Array("token".utf8) else { exit(4) }
            let signing = SigningKey.generate()
            let digest = SHA256.hash([9])
            guard
                try VerifyingKey(pem: signing.publicPEM).isValid(
                    signature: signing.sign(digest: digest),
                    digest: digest
                )
            else { exit(5) }
            let derived = PBKDF2.sha256(
                SecretBytes(copying: Array("pencil".utf8)),
                salt: [UInt8](repeating: 1, count: 16),
                iterations: 4_096
            )
            guard derived.count == 32 else { exit(6) }
            for version in [TLSVersion.tls12, .tls13] {
                for keyType in [CertificateRequest.KeyType.p256, .rsa2048] {
                    let kit = try Kit()
                    let issued = try kit.intermediate().issue(Kit.request { $0.keyType = keyType })
                    let server = try Kit.server(issued) { ($0.maximum, $0.givesTickets) = (version, true) }
                    let client = try kit.client()
                    for _ in 0..<2 {
                        let pair = TLSPair(
                            client: try TLSEngine(client, serverName: Kit.host),
                            server: TLSEngine(server)
                        )
                        try pair.shakeHands()
                        guard pair.client.session?.isVerified == true else { exit(7) }
                    }
                }
            }
            // What nobody approved is not there, for our own use either.
            do {
                _ = try Kit().root.issue(Kit.request { $0.digest = .md5 })
                exit(8)
            } catch {}
        }
    }

    @Test("one whose bytes were changed is refused", .enabled(if: FIPSProvider.module != nil))
    func damaged() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            try FIPSProvider.install(in: directory, damaged: true)
            guard FIPSProvider.refusal?.code == .fipsUnavailable, !FIPS.isOn else { exit(2) }
        }
    }

    @Test("what was made before it was asked for is found, and refused", .enabled(if: FIPSProvider.module != nil))
    func tooLate() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            // Its configuration is read when OpenSSL begins, so both providers are there, as on a site that runs on.
            try FIPSProvider.install(in: directory)
            let text = try directory.text("openssl.cnf")
            try directory.write(
                "openssl.cnf",
                text: text.replacing("[base_sect]", with: "default = base_sect\n[base_sect]").replacing(
                    "fips = fips_sect\n",
                    with: ""
                )
            )
            _ = SHA256.hash([1])
            guard FIPSProvider.refusal?.code == .fipsUnavailable else { exit(2) }
        }
    }
}
