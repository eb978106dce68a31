import OpenSSL
import TestSupport
import Testing

/// A way to write a signature from a good one's halves.
struct SignatureForm: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let make: @Sendable (_ r: [UInt8], _ s: [UInt8]) -> [UInt8]

    init(_ name: String, _ make: @escaping @Sendable ([UInt8], [UInt8]) -> [UInt8]) {
        testDescription = name
        self.make = make
    }

    static let refused: [SignatureForm] = [
        SignatureForm("r is zero") { _, s in sequence(integer([0]) + integer(s)) },
        SignatureForm("s is zero") { r, _ in sequence(integer(r) + integer([0])) },
        SignatureForm("both are zero") { _, _ in sequence(integer([0]) + integer([0])) },
        SignatureForm("r is the order of the group") { _, s in sequence(integer(order) + integer(s)) },
        SignatureForm("s is the order of the group") { r, _ in sequence(integer(r) + integer(order)) },
        SignatureForm("the halves are swapped") { r, s in sequence(integer(s) + integer(r)) },
        SignatureForm("r is padded") { r, s in sequence(integer([0] + r) + integer(s)) },
        SignatureForm("an integer more") { r, s in sequence(integer(r) + integer(s) + integer([0])) },
        SignatureForm("an integer less") { r, _ in sequence(integer(r)) },
        SignatureForm("the length in its long form") { r, s in
            [0x30, 0x81, UInt8(r.count + s.count + 4)] + integer(r) + integer(s)
        },
        SignatureForm("no length") { r, s in [0x30, 0x80] + integer(r) + integer(s) + [0, 0] },
        SignatureForm("another tag") { r, s in [0x31] + sequence(integer(r) + integer(s)).dropFirst() },
    ]

    private static let order = unhex("00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")

    static func integer(_ bytes: [UInt8]) -> [UInt8] {
        [0x02, UInt8(bytes.count)] + bytes
    }

    static func sequence(_ body: [UInt8]) -> [UInt8] {
        [0x30, UInt8(body.count)] + body
    }
}

@Suite("Signatures")
struct SigningKeyTests {
    let key = SigningKey.generate()
    let digest = SHA256.hash(Array("results".utf8))

    @Test("a signature is valid for its digest and key alone")
    func signature() throws {
        let signature = key.sign(digest: digest)
        #expect(key.verifyingKey.isValid(signature: signature, digest: digest))
        #expect(!key.verifyingKey.isValid(signature: signature, digest: SHA256.hash(Array("Results".utf8))))
        #expect(!SigningKey.generate().verifyingKey.isValid(signature: signature, digest: digest))
        #expect(!key.verifyingKey.isValid(signature: [], digest: digest))
        #expect(!key.verifyingKey.isValid(signature: signature + [0], digest: digest))
        #expect(!key.verifyingKey.isValid(signature: signature, digest: Array(digest.dropLast())))
    }

    @Test("every flipped bit of a signature is refused")
    func flippedBits() {
        let signature = key.sign(digest: digest)
        let verifier = key.verifyingKey
        for bit in 0..<(signature.count * 8) {
            var changed = signature
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!verifier.isValid(signature: changed, digest: digest), "bit \(bit)")
        }
    }

    @Test("a signature in a form that DER or ECDSA does not allow is refused", arguments: SignatureForm.refused)
    func forms(form: SignatureForm) {
        let signature = key.sign(digest: digest)
        let r = Array(signature[4..<(4 + Int(signature[3]))])
        let s = Array(signature[(6 + r.count)...])
        let again = SignatureForm.sequence(SignatureForm.integer(r) + SignatureForm.integer(s))
        #expect(again == signature, "the halves are taken apart rightly")
        #expect(!key.verifyingKey.isValid(signature: form.make(r, s), digest: digest))
    }

    @Test("a key read back from its PEM is the same key")
    func pem() throws {
        let again = try SigningKey(pem: key.pem)
        let public_ = try VerifyingKey(pem: key.publicPEM)
        #expect(public_.isValid(signature: again.sign(digest: digest), digest: digest))
        #expect(again.publicPEM == key.publicPEM)
        #expect(String(decoding: key.publicPEM, as: UTF8.self).hasPrefix("-----BEGIN PUBLIC KEY-----\n"))
        #expect(String(decoding: key.pem.exposedCopy(), as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
    }

    @Test("openssl verifies our signature, and refuses it after one byte changed")
    func opensslVerifies() throws {
        let directory = try TemporaryDirectory()
        let content = Array("row,key\r\n1,A-17\r\n".utf8)
        try directory.write("results.csv", content)
        try directory.write("results.csv.sig", key.sign(digest: SHA256.hash(content)))
        try directory.write("records.pub.pem", key.publicPEM)
        let arguments = [
            "dgst", "-sha256", "-verify", "records.pub.pem", "-signature", "results.csv.sig", "results.csv",
        ]
        #expect(try openssl(arguments, in: directory).output.contains("Verified OK"))
        #expect(try openssl(arguments, in: directory).status == 0)
        try directory.write("results.csv", content.dropLast() + [0x20])
        #expect(try openssl(arguments, in: directory).status != 0)
    }

    @Test("a signature that openssl made is valid")
    func opensslSigns() throws {
        let directory = try TemporaryDirectory()
        try directory.write("key.pem", key.pem.exposedCopy())
        try directory.write("file", "results".utf8)
        let run = try openssl(["dgst", "-sha256", "-sign", "key.pem", "-out", "file.sig", "file"], in: directory)
        #expect(run.status == 0)
        let signature = try directory.read("file.sig")
        #expect(key.verifyingKey.isValid(signature: signature, digest: digest))
    }

    @Test(
        "keys of another kind are refused by name",
        arguments: [
            ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            ["genpkey", "-algorithm", "ED25519"],
        ]
    )
    func wrongKeys(arguments: [String]) throws {
        let directory = try TemporaryDirectory()
        #expect(try openssl(arguments + ["-out", "key.pem"], in: directory).status == 0)
        let pem = try directory.read("key.pem")
        let error = #expect(throws: OpenSSLError.self) { try SigningKey(pem: SecretBytes(copying: pem)) }
        #expect(error?.code == .wrongKeyType)
    }

    @Test("the traditional EC form is read too")
    func traditional() throws {
        let directory = try TemporaryDirectory()
        let made = try openssl(
            ["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "key.pem"],
            in: directory
        )
        #expect(made.status == 0)
        let pem = try directory.read("key.pem")
        #expect(throws: Never.self) { try SigningKey(pem: SecretBytes(copying: pem)) }
    }

    @Test(
        "a key with a passphrase is refused without a prompt",
        arguments: [["-aes256"], ["-aes256", "-traditional"]]
    )
    func encrypted(options: [String]) throws {
        let directory = try TemporaryDirectory()
        try directory.write("key.pem", key.pem.exposedCopy())
        let made = try openssl(
            ["pkey", "-in", "key.pem", "-passout", "pass:swordfish", "-out", "locked.pem"] + options,
            in: directory
        )
        #expect(made.status == 0)
        let pem = try directory.read("locked.pem")
        let error = #expect(throws: OpenSSLError.self) { try SigningKey(pem: SecretBytes(copying: pem)) }
        #expect(error?.code == .privateKeyEncrypted)
    }

    @Test(
        "what is no key is refused",
        arguments: ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
    )
    func noKey(text: String) {
        let bytes = Array(text.utf8)
        #expect(throws: OpenSSLError.self) { try SigningKey(pem: SecretBytes(copying: bytes)) }
        #expect(throws: OpenSSLError.self) { try VerifyingKey(pem: bytes) }
        let error = #expect(throws: OpenSSLError.self) { try VerifyingKey(pem: key.pem.exposedCopy()) }
        #expect(error?.code == .publicKeyUnreadable)
    }
}
