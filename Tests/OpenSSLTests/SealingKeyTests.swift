import OpenSSL
import Testing

@Suite("Sealed texts")
struct SealingKeyTests {
    let key = SealingKey(SecretBytes(copying: [UInt8](0..<32)))
    let context = Array("click".utf8)

    @Test("a sealed text opens again", arguments: [0, 1, 15, 16, 17, 100, 4_096])
    func roundTrip(count: Int) {
        let plaintext = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let sealed = key.seal(plaintext, context: context)
        #expect(sealed.count == count + SealingKey.overhead)
        #expect(key.open(sealed, context: context) == plaintext)
        #expect(key.open(key.seal(plaintext, context: []), context: []) == plaintext)
    }

    @Test("the same text and context give the same bytes, today and in every later version")
    func deterministic() {
        let sealed = key.seal(Array("row 7".utf8), context: context)
        #expect(sealed == SealingKey(SecretBytes(copying: [UInt8](0..<32))).seal(Array("row 7".utf8), context: context))
        // Computed from the definition with Python's hmac and cryptography.
        #expect(hex(sealed) == "30301874a703eb554d2ca5315d552ebb815b90d1b7b56c62e1ce42545e98ec3c7f")
    }

    @Test("another text, context or key gives another nonce")
    func nonces() {
        let sealed = [
            key.seal([1], context: context), key.seal([2], context: context), key.seal([1], context: []),
            SealingKey(SecretBytes(random: 32)).seal([1], context: context),
        ]
        #expect(Set(sealed.map { $0.prefix(12) }).count == sealed.count)
    }

    @Test("a byte cannot move between context and text")
    func boundary() {
        let left = key.seal([2, 3], context: [1])
        let right = key.seal([3], context: [1, 2])
        #expect(left.prefix(12) != right.prefix(12))
    }

    @Test("every flipped bit is refused")
    func flippedBits() {
        let sealed = key.seal(Array("https://clinic.example/visit".utf8), context: context)
        for bit in 0..<(sealed.count * 8) {
            var changed = sealed
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(key.open(changed, context: context) == nil, "bit \(bit)")
        }
    }

    @Test("every cut, and every added byte, is refused")
    func lengths() {
        let sealed = key.seal([1, 2, 3], context: context)
        for count in 0..<sealed.count {
            #expect(key.open(Array(sealed.prefix(count)), context: context) == nil, "\(count) bytes")
        }
        #expect(key.open(sealed + [0], context: context) == nil)
    }

    @Test("another context or key does not open it")
    func otherContext() {
        let sealed = key.seal([1, 2, 3], context: context)
        #expect(key.open(sealed, context: Array("open".utf8)) == nil)
        #expect(key.open(sealed, context: []) == nil)
        #expect(SealingKey(SecretBytes(random: 32)).open(sealed, context: context) == nil)
    }

    @Test("a refusal does not spoil the next opening")
    func afterRefusal() {
        let sealed = key.seal([1, 2, 3], context: context)
        #expect(key.open([UInt8](repeating: 0, count: 40), context: context) == nil)
        #expect(key.open(sealed, context: context) == [1, 2, 3])
    }

    @Test("threads that share a key disturb each other nowhere")
    func threads() async {
        let key = key
        let context = context
        await withTaskGroup(of: Bool.self) { group in
            for thread in UInt8(0)..<4 {
                group.addTask {
                    (0..<1_000).allSatisfy { round in
                        let text = [thread, UInt8(round % 256)]
                        return key.open(key.seal(text, context: context), context: context) == text
                    }
                }
            }
            for await same in group {
                #expect(same)
            }
        }
    }
}
