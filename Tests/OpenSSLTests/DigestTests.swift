import OpenSSL
import Testing

@Suite("Digests and tags")
struct DigestTests {
    // FIPS 180-4 examples and NIST CAVP short messages.
    static let vectors: [(String, String)] = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ]

    @Test("SHA-256 gives NIST's digests", arguments: vectors)
    func sha256(text: String, digest: String) {
        #expect(hex(SHA256.hash(Array(text.utf8))) == digest)
    }

    @Test("a hasher gives the same digest however the bytes are cut, and is fresh after each")
    func pieces() {
        let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0) }
        let whole = SHA256.hash(bytes)
        var hasher = SHA256()
        for size in [1, 7, 64, 999] {
            for start in stride(from: 0, to: bytes.count, by: size) {
                hasher.update(bytes[start..<min(start + size, bytes.count)])
            }
            #expect(hasher.finalize() == whole)
        }
    }

    @Test("a digest on the way is that of the bytes so far, and changes nothing")
    func digestSoFar() {
        let bytes = (0..<200).map { UInt8($0) }
        var hasher = SHA256()
        for (index, byte) in bytes.enumerated() {
            #expect(hasher.digestSoFar() == SHA256.hash(bytes[..<index]))
            hasher.update([byte])
        }
        #expect(hasher.finalize() == SHA256.hash(bytes))
    }

    @Test("reset forgets what was taken in")
    func reset() {
        var hasher = SHA256()
        hasher.update([1, 2, 3])
        hasher.reset()
        #expect(hasher.finalize() == SHA256.hash([UInt8]()))
    }

    // RFC 4231, cases 1 to 4, 6 and 7.
    static let tags: [(key: String, data: String, tag: String)] = [
        (
            String(repeating: "0b", count: 20), "4869205468657265",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            String(repeating: "aa", count: 20), String(repeating: "dd", count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            "0102030405060708090a0b0c0d0e0f10111213141516171819", String(repeating: "cd", count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            String(repeating: "aa", count: 131),
            "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            String(repeating: "aa", count: 131),
            "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a65206b657920616e642061"
                + "206c6172676572207468616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565647320746f2062652068617368"
                + "6564206265666f7265206265696e6720757365642062792074686520484d414320616c676f726974686d2e",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ]

    @Test("HMAC-SHA256 gives RFC 4231's tags", arguments: tags)
    func hmac(key: String, data: String, tag: String) {
        let mac = HMACSHA256(key: SecretBytes(copying: unhex(key)))
        #expect(hex(mac.tag(of: unhex(data))) == tag)
        #expect(hex(mac.tag(of: unhex(data))) == tag, "the key serves any number of tags")
        #expect(mac.isValid(unhex(tag), for: unhex(data)))
        #expect(!mac.isValid(unhex(tag), for: unhex(data) + [0]))
    }

    @Test("an empty key is a key of its own")
    func emptyKey() {
        let mac = HMACSHA256(key: SecretBytes(copying: []))
        #expect(hex(mac.tag(of: [UInt8]())) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test("threads that share a key get their own tags")
    func threads() async {
        let mac = HMACSHA256(key: SecretBytes(copying: [1, 2, 3]))
        let expected = (0..<64).map { mac.tag(of: [UInt8($0)]) }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<2_000).allSatisfy { mac.tag(of: [UInt8($0 % 64)]) == expected[$0 % 64] }
                }
            }
            for await same in group {
                #expect(same)
            }
        }
    }
}

@Suite("Secrets")
struct SecretBytesTests {
    @Test("a secret shows nothing of itself")
    func redacted() {
        let secret = SecretBytes(copying: Array("hunter2".utf8))
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped] {
            #expect(!text.contains("hunter2"))
            #expect(!text.contains("104"))
            #expect(text.contains("<redacted>"))
        }
    }

    @Test("secrets are equal when their bytes are")
    func equality() {
        #expect(SecretBytes(copying: [1, 2, 3]) == SecretBytes(copying: [1, 2, 3]))
        #expect(SecretBytes(copying: [1, 2, 3]) != SecretBytes(copying: [1, 2, 4]))
        #expect(SecretBytes(copying: [1, 2, 3]) != SecretBytes(copying: [1, 2]))
        #expect(SecretBytes(copying: []) == SecretBytes(copying: []))
    }

    @Test("random bytes are as many as asked for and not the same twice")
    func random() {
        #expect(Random.bytes(0).isEmpty)
        #expect(Random.bytes(33).count == 33)
        #expect(Random.bytes(32) != Random.bytes(32))
        #expect(SecretBytes(random: 32) != SecretBytes(random: 32))
        #expect(SecretBytes(random: 32).exposedCopy().contains { $0 != 0 })
    }
}
