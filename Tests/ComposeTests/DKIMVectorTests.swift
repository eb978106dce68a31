import Core
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Compose

/// The message of RFC 8463 appendix A, whose two signatures the RFC gives.
@Suite("RFC 8463, appendix A")
struct DKIMVectorTests {
    private static let message = """
        From: Joe SixPack <joe@football.example.com>
        To: Suzie Q <suzie@shopping.example.net>
        Subject: Is dinner ready?
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
        Message-ID: <20030712040037.46341.5F8J@football.example.com>

        Hi.

        We lost the game.  Are you hungry yet?

        Joe.

        """.replacing("\n", with: "\r\n")

    private static let ed25519 = """
        DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
         d=football.example.com; i=@football.example.com;
         q=dns/txt; s=brisbane; t=1528637909; h=from : to :
         subject : date : message-id : from : subject : date;
         bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
         b=
        """.replacing("\n", with: "\r\n")

    private static let rsa = """
        DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
         d=football.example.com; i=@football.example.com;
         q=dns/txt; s=test; t=1528637909; h=from : to : subject :
         date : message-id : from : subject : date;
         bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
         b=
        """.replacing("\n", with: "\r\n")

    /// The digest that a signature with this field is made over.
    private static func digest(_ signature: String) -> [UInt8] {
        var start = 0
        let bytes = Array(message.utf8)
        let fields = HeaderField.all(in: bytes, bodyStart: &start)
        var input: [UInt8] = []
        for wanted in ["from", "to", "subject", "date", "message-id"] {
            for field in fields where String(decoding: bytes[field.name], as: UTF8.self).lowercased() == wanted {
                RelaxedHeader.append(field, of: bytes, to: &input)
            }
        }
        let own = Array(signature.utf8)
        RelaxedHeader.append(HeaderField(name: 0..<14, value: 15..<own.count), of: own, to: &input)
        return SHA256.hash(input.dropLast(2))
    }

    @Test("the body's digest")
    func body() {
        var start = 0
        var hasher = SHA256()
        let bytes = Array(Self.message.utf8)
        _ = HeaderField.all(in: bytes, bodyStart: &start)
        RelaxedBody.hash(bytes, from: start, into: &hasher)
        #expect(Base64.encode(hasher.finalize()) == "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=")
    }

    @Test("the Ed25519 signature, byte for byte")
    func edwards() throws {
        // The 32 bytes of the RFC's key in PKCS #8.
        let seed = try #require(Data(base64Encoded: "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
        let info = Data([0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20]) + seed
        let pem = "-----BEGIN PRIVATE KEY-----\n\(info.base64EncodedString())\n-----END PRIVATE KEY-----\n"
        let key = try MailSigningKey(pem: SecretBytes(copying: Array(pem.utf8)))
        #expect(Base64.encode(key.publicValue) == "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
        #expect(
            Base64.encode(key.sign(digest: Self.digest(Self.ed25519)))
                == "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
        )
    }

    @Test("the RSA signature verifies over our digest")
    func rsa() throws {
        // The RFC's key has 1,024 bits, which we do not sign with.
        let directory = try TemporaryDirectory()
        let key = """
            -----BEGIN PUBLIC KEY-----
            MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6
            Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/
            e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G
            +2kryOTIKT+l/K4w3QIDAQAB
            -----END PUBLIC KEY-----

            """
        let signature =
            "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3"
            + "DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz"
            + "dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8="
        try directory.write("key", text: key)
        try directory.write("digest", Self.digest(Self.rsa))
        try directory.write("signature", try #require(Data(base64Encoded: signature)))
        let verify = [
            "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key", "-sigfile", "signature", "-in", "digest",
            "-pkeyopt", "digest:sha256",
        ]
        #expect(try Command.run(verify, directory: directory.path).status == 0)
        try directory.write("digest", Self.digest(Self.rsa.replacing("1528637909", with: "1528637908")))
        #expect(try Command.run(verify, directory: directory.path).status != 0)
    }
}
