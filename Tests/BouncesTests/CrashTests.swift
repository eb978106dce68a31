import Bounces
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
        _ = BounceReader().read(Array(try Data(contentsOf: file)))
    }

    @Test(arguments: inputs("rules"))
    func `rules that once made the reader fail are read or refused`(file: URL) throws {
        _ = try? BounceRules(reading: Array(try Data(contentsOf: file)), file: "rules.yaml")
    }
}
