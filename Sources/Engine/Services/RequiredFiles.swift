import Core
import Files
import Intake

/// Which files a folder needs before it is complete, as its manifest says.
struct RequiredFiles: Sendable {
    let site: Site

    /// The files; `nil` if the manifest cannot be read, which the check will explain.
    func of(_ folder: JobFolder) -> [RequiredFile]? {
        guard let file = try? folder.pin(Manifest.fileName, as: .manifest), let bytes = try? file.contents(),
            let manifest = try? Manifest.parse(bytes: bytes, file: Manifest.fileName)
        else { return nil }
        let templates = site.templates
        return manifest.requiredFiles { name in
            guard let templates else { return false }
            return ((try? templates.status(of: name)) ?? nil) != nil
        }
    }
}
