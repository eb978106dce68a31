import Foundation
import OpenSSL
import TestSupport
import Testing

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
        try withTemporaryDirectory { directory in
            let content = Array("row,key\r\n1,A-17\r\n".utf8)
            try Data(content).write(to: directory.appending(path: "results.csv"))
            try Data(key.sign(digest: SHA256.hash(content))).write(to: directory.appending(path: "results.csv.sig"))
            try Data(key.publicPEM).write(to: directory.appending(path: "records.pub.pem"))
            let arguments = [
                "dgst", "-sha256", "-verify", "records.pub.pem", "-signature", "results.csv.sig", "results.csv",
            ]
            #expect(try openssl(arguments, in: directory).output.contains("Verified OK"))
            #expect(try openssl(arguments, in: directory).status == 0)
            try Data(content.dropLast() + [0x20]).write(to: directory.appending(path: "results.csv"))
            #expect(try openssl(arguments, in: directory).status != 0)
        }
    }

    @Test("a signature that openssl made is valid")
    func opensslSigns() throws {
        try withTemporaryDirectory { directory in
            try Data(key.pem.exposedCopy()).write(to: directory.appending(path: "key.pem"))
            try Data("results".utf8).write(to: directory.appending(path: "file"))
            let run = try openssl(["dgst", "-sha256", "-sign", "key.pem", "-out", "file.sig", "file"], in: directory)
            #expect(run.status == 0)
            let signature = try [UInt8](Data(contentsOf: directory.appending(path: "file.sig")))
            #expect(key.verifyingKey.isValid(signature: signature, digest: digest))
        }
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
        try withTemporaryDirectory { directory in
            #expect(try openssl(arguments + ["-out", "key.pem"], in: directory).status == 0)
            let pem = try [UInt8](Data(contentsOf: directory.appending(path: "key.pem")))
            let error = #expect(throws: OpenSSLError.self) { try SigningKey(pem: SecretBytes(copying: pem)) }
            #expect(error?.code == .wrongKeyType)
        }
    }

    @Test("the traditional EC form is read too")
    func traditional() throws {
        try withTemporaryDirectory { directory in
            let made = try openssl(
                ["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "key.pem"],
                in: directory
            )
            #expect(made.status == 0)
            let pem = try [UInt8](Data(contentsOf: directory.appending(path: "key.pem")))
            #expect(throws: Never.self) { try SigningKey(pem: SecretBytes(copying: pem)) }
        }
    }

    @Test(
        "a key with a passphrase is refused without a prompt",
        arguments: [["-aes256"], ["-aes256", "-traditional"]]
    )
    func encrypted(options: [String]) throws {
        try withTemporaryDirectory { directory in
            try Data(key.pem.exposedCopy()).write(to: directory.appending(path: "key.pem"))
            let made = try openssl(
                ["pkey", "-in", "key.pem", "-passout", "pass:swordfish", "-out", "locked.pem"] + options,
                in: directory
            )
            #expect(made.status == 0)
            let pem = try [UInt8](Data(contentsOf: directory.appending(path: "locked.pem")))
            let error = #expect(throws: OpenSSLError.self) { try SigningKey(pem: SecretBytes(copying: pem)) }
            #expect(error?.code == .privateKeyEncrypted)
        }
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
