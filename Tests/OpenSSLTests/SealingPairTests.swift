import Core
import Foundation
import OpenSSL
import TestSupport
import Testing

@Suite("Sealing to a public key")
struct SealingPairTests {
    private let pair = SealingPrivateKey.generate()
    private let text = Array("eva@kunde.test".utf8)
    private let context = Array("newsletter".utf8)

    @Test(
        "what the public half sealed opens with the private half, also after both went through PEM",
        arguments: [0, 1, 14, 300]
    )
    func roundTrip(count: Int) throws {
        let text = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let sealing = try SealingPublicKey(pem: pair.publicKey.pem)
        let opening = try SealingPrivateKey(pem: pair.pem)
        let sealed = sealing.seal(text, context: context)
        #expect(sealed.count == text.count + SealingPublicKey.overhead)
        #expect(opening.open(sealed, context: context) == text)
    }

    @Test("the same text is sealed otherwise each time, and shows nowhere in it")
    func freshness() {
        let first = pair.publicKey.seal(text, context: context)
        let second = pair.publicKey.seal(text, context: context)
        #expect(first != second)
        #expect(Data(first).range(of: Data(text.prefix(4))) == nil)
    }

    @Test("a sealed text with any one bit changed opens as nothing")
    func flippedBits() {
        let sealed = pair.publicKey.seal(text, context: context)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1 << UInt8(index % 8)
            #expect(pair.open(changed, context: context) == nil, "byte \(index)")
        }
    }

    @Test("neither another key nor another context opens it, nor does a text cut short")
    func others() {
        let sealed = pair.publicKey.seal(text, context: context)
        #expect(SealingPrivateKey.generate().open(sealed, context: context) == nil)
        #expect(pair.open(sealed, context: Array("news".utf8)) == nil)
        for count in [0, 1, 64, 65, 92, sealed.count - 1] {
            #expect(pair.open(Array(sealed.prefix(count)), context: context) == nil)
        }
        #expect(pair.open(sealed + [0], context: context) == nil)
    }

    @Test("a point that is not on the curve is refused")
    func strangePoints() {
        let sealed = pair.publicKey.seal(text, context: context)
        for start in [[UInt8](repeating: 0, count: 65), [4] + [UInt8](repeating: 7, count: 64), [2] + sealed[1..<65]] {
            #expect(pair.open(start + sealed[65...], context: context) == nil)
        }
    }

    @Test("keys of another kind are refused")
    func wrongKinds() {
        let other = MailSigningKey.generate(.rsa)
        #expect(throws: OpenSSLError.self) { try SealingPrivateKey(pem: other.pem) }
        #expect(throws: OpenSSLError.self) { try SealingPublicKey(pem: other.publicPEM) }
        #expect(throws: OpenSSLError.self) { try SealingPublicKey(pem: Array("nothing".utf8)) }
    }
}
