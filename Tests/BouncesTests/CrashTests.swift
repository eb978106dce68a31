import Bounces
import Core
import Foundation
import Testing

/// Inputs that once made the reader fail under `make fuzz`.
@Suite struct CrashTests {
    private static func inputs(_ reader: String) -> [URL] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fuzz/Crashes/\(reader)")
        return (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    }

    @Test(arguments: inputs("bounce"))
    func `a message that once made the reader fail is read`(file: URL) throws {
        let message = BounceReader().read(Array(try Data(contentsOf: file)))
        #expect(message.recipients.count <= 100)
        #expect(message.recipients.allSatisfy { $0.diagnostic.exposed.utf8.count <= 4 << 10 })
    }

    @Test(arguments: inputs("rules"))
    func `rules that once made the reader fail are read or refused`(file: URL) throws {
        _ = try? BounceRules(reading: Array(try Data(contentsOf: file)), file: "rules.yaml")
    }
}
