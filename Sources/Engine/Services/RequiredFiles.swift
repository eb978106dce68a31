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
        var files = [RequiredFile(manifest.recipients.value)]
        let names = [".html", ".txt"].map { manifest.template.value + $0 }
        if !names.contains(where: isInSite) { files.append(RequiredFile(anyOf: names)) }
        for image in manifest.inlineImages where !isInSite(image.file.value) {
            files.append(RequiredFile(image.file.value))
        }
        for attachment in manifest.attachments where !attachment.file.value.contains("{{") {
            files.append(RequiredFile(attachment.file.value))
        }
        return files
    }

    private func isInSite(_ name: String) -> Bool {
        guard let templates = site.templates else { return false }
        return (try? templates.status(of: name)) != nil
    }
}
