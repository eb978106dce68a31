import Compose
import Core
import Files
import Glibc
import Intake
import OpenSSL

/// What signing costs besides the signature itself.
enum Signing {
    /// Makes a table's messages in turns, not signed and signed, and as many bare signatures, and compares the time that
    /// the processor took.
    static func compare(folder path: String, rounds: Int) throws -> String {
        let rsa = MailSigningKey.generate(.rsa)
        let ed25519 = MailSigningKey.generate(.ed25519)
        let digest = SHA256.hash([1])
        let both = [("rsa", [rsa]), ("rsa and ed25519", [rsa, ed25519])]
        var lines: [String] = []
        let plain = try Rendering(folder: path)
        let rows = try plain.run().count
        for (name, keys) in both {
            let signer = MessageSigner(
                domain: "clinic.test",
                keys: keys.map { MessageSigner.Key(selector: "bench", key: $0) }
            )
            let signed = try Rendering(folder: path, signer: signer)
            var times: [(unsigned: Double, signed: Double, bare: Double)] = []
            for _ in 0..<rounds {
                let unsigned = try time { try plain.run().count }
                let withSignature = try time { try signed.run().count }
                let bare = time {
                    for _ in 0..<rows {
                        for key in keys { _ = key.sign(digest: digest) }
                    }
                    return rows
                }
                times.append((unsigned, withSignature, bare))
            }
            func median(_ value: ((unsigned: Double, signed: Double, bare: Double)) -> Double) -> Double {
                times.map(value).sorted()[times.count / 2]
            }
            let overhead = median { $0.signed - $0.unsigned - $0.bare }
            lines.append(
                """
                {"keys": "\(name)", "unsigned_us": \(median(\.unsigned)), "signature_us": \(median(\.bare)), \
                "signed_us": \(median(\.signed)), "besides_us": \(overhead), \
                "besides_share": \(overhead / median { $0.unsigned + $0.bare })}
                """
            )
        }
        return lines.joined(separator: "\n")
    }

    /// Microseconds of processor time for each of what the body did.
    private static func time(_ body: () throws -> Int) rethrows -> Double {
        let start = processor()
        let count = try body()
        return (processor() - start) / Double(count)
    }

    private static func processor() -> Double {
        var now = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
        return Double(now.tv_sec) * 1e6 + Double(now.tv_nsec) / 1e3
    }
}
