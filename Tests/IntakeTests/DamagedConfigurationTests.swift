import Core
import Intake
import Testing

/// Files that were good once.
@Suite struct DamagedConfigurationTests {
    /// A small generator with a seed, so that a failure comes again.
    struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    static let splinters = [
        "{{", "}}", "[", "]", "{", "}", ": ", "\n", "\t", "'", "\"", "|", "> ", "- ", "? ", "&a ", "*a", "!", "%", "#",
        "@",
        "\\", "\u{FEFF}", "\u{FC}", "\u{2028}", "\r", "---\n", "...\n", "<<: ", "~", "  ", "\\x", "0", "\0",
    ]

    @Test(arguments: 0..<4)
    func `a damaged file is read, or every problem in it has a place`(seed: UInt64) {
        var dice = Dice(state: seed)
        for round in 0..<100 {
            let isSite = round.isMultiple(of: 2)
            var bytes = Array((isSite ? SiteConfigurationTests.contract : ManifestTests.contract).utf8)
            for _ in 0..<Int.random(in: 1...5, using: &dice) {
                let at = Int.random(in: 0..<bytes.count, using: &dice)
                let end = min(bytes.count, at + Int.random(in: 0...20, using: &dice))
                bytes.replaceSubrange(at..<end, with: (Self.splinters.randomElement(using: &dice) ?? "").utf8)
            }
            do throws(Diagnostics) {
                if isSite {
                    _ = try SiteConfiguration.parse(bytes: bytes)
                } else {
                    _ = try Manifest.parse(bytes: bytes)
                }
            } catch {
                let lines = bytes.split(omittingEmptySubsequences: false) { $0 == 0x0A || $0 == 0x0D }.count
                #expect(!error.all.isEmpty)
                #expect(error.all.allSatisfy { (1...lines).contains($0.place?.line ?? 0) }, "\(error)")
            }
        }
    }
}
