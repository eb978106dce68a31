import Foundation
import OpenSSL
import TestSupport
import Testing

@Suite("Mail signing keys")
struct MailSigningKeyTests {
    let digest = SHA256.hash(Array("header fields".utf8))

    @Test("openssl verifies a signature of either kind, and refuses it for another digest", arguments: Kind.allCases)
    func verifies(kind: Kind) throws {
        let key = MailSigningKey.generate(kind)
        let directory = try TemporaryDirectory()
        try directory.write("digest", digest)
        try directory.write("other", digest.dropLast() + [digest[31] ^ 1])
        try directory.write("public.pem", key.publicPEM)
        let signature = key.sign(digest: digest)
        #expect(signature.count == key.signatureLength)
        try directory.write("signature", signature)
        func verify(_ file: String) throws -> Int32 {
            var arguments = [
                "pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-sigfile", "signature", "-in", file,
            ]
            arguments += kind == .rsa ? ["-pkeyopt", "digest:sha256"] : ["-rawin"]
            return try openssl(arguments, in: directory).status
        }
        #expect(try verify("digest") == 0)
        #expect(try verify("other") != 0)
    }

    @Test("the same digest gets the same signature, again and from many threads at once", arguments: Kind.allCases)
    func deterministic(kind: Kind) async throws {
        let key = MailSigningKey.generate(kind)
        let digests = (0..<8).map { SHA256.hash([UInt8($0)]) }
        let expected = digests.map { key.sign(digest: $0) }
        #expect(Set(expected).count == digests.count)
        let again = try MailSigningKey(pem: key.pem)
        #expect(digests.map { again.sign(digest: $0) } == expected)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<40).allSatisfy { key.sign(digest: digests[$0 % 8]) == expected[$0 % 8] } }
            }
            for await isSame in group { #expect(isSame) }
        }
    }

    @Test("keys that openssl made are read, in either form of PEM")
    func read() throws {
        let directory = try TemporaryDirectory()
        for (options, kind): ([String], Kind) in [
            (["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], .rsa),
            (["genrsa", "-traditional", "2048"], .rsa), (["genpkey", "-algorithm", "ED25519"], .ed25519),
        ] {
            // The size is the last word of `genrsa`, behind its options.
            let arguments = options.first == "genrsa" ? ["genrsa", "-traditional", "-out", "key", "2048"] : options
            let made = try openssl(arguments + (options.first == "genrsa" ? [] : ["-out", "key"]), in: directory)
            #expect(made.status == 0, "\(made.output)")
            let key = try MailSigningKey(pem: SecretBytes(copying: try directory.read("key")))
            #expect(key.kind == kind)
        }
    }

    @Test("the public value is what openssl writes: SubjectPublicKeyInfo for RSA, 32 bytes for Ed25519")
    func publicValue() throws {
        let directory = try TemporaryDirectory()
        for kind in Kind.allCases {
            let key = MailSigningKey.generate(kind)
            try directory.write("key", key.pem.exposedCopy())
            _ = try openssl(["pkey", "-in", "key", "-pubout", "-outform", "DER", "-out", "der"], in: directory)
            let info = try directory.read("der")
            #expect(key.publicValue == (kind == .rsa ? info : Array(info.suffix(32))))
            #expect(kind == .rsa || key.publicValue.count == 32)
        }
    }

    @Test("RSA keys below 2048 bits and above 4096 are refused with their size", arguments: [1_024, 2_040, 4_104])
    func sizes(bits: Int) throws {
        let directory = try TemporaryDirectory()
        let arguments = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)", "-out", "key"]
        #expect(try openssl(arguments, in: directory).status == 0)
        let pem = SecretBytes(copying: try directory.read("key"))
        let error = #expect(throws: OpenSSLError.self) { try MailSigningKey(pem: pem) }
        #expect(error?.code == .keySize)
        #expect(error?.description.contains("\(bits) bits") == true)
    }

    @Test("a key of another kind, a locked one and no key at all are told apart")
    func refused() throws {
        func code(_ pem: [UInt8]) -> OpenSSLError.Code? {
            do throws(OpenSSLError) {
                _ = try MailSigningKey(pem: SecretBytes(copying: pem))
                return nil
            } catch {
                return error.code
            }
        }
        let directory = try TemporaryDirectory()
        #expect(code(SigningKey.generate().pem.exposedCopy()) == .wrongKeyType)
        #expect(code(Array("no key".utf8)) == .privateKeyUnreadable)
        try directory.write("key", MailSigningKey.generate(.rsa).pem.exposedCopy())
        let locked = try openssl(
            ["pkey", "-in", "key", "-aes256", "-passout", "pass:x", "-out", "locked"],
            in: directory
        )
        #expect(locked.status == 0)
        #expect(code(try directory.read("locked")) == .privateKeyEncrypted)
        #expect("\(MailSigningKey.generate(.ed25519).pem)" == "<redacted>")
    }

    @Test("both kinds are there in OpenSSL's default provider")
    func available() {
        for kind in Kind.allCases { #expect(kind.isAvailable) }
    }

    typealias Kind = MailSigningKey.Kind
}
