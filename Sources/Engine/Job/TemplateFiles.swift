import Compose
import Core
import Files
import Intake
import Synchronization

/// A job's templates, layouts and images: from its folder first, then from the site's `templates/`; each read once and pinned.
final class TemplateFiles: Sendable {
    private struct Loaded: Sendable {
        var file: PinnedFile
        var scope: ContentPin.Scope
        var source: TemplateSource
    }

    private let folder: JobFolder
    private let site: Directory?
    private let loaded: Mutex<[String: Loaded]> = Mutex([:])

    init(folder: JobFolder, site: Directory?) {
        self.folder = folder
        self.site = site
    }

    /// A template by its file's name; `nil` if neither place has it.
    func source(_ name: String) throws -> TemplateSource? {
        guard JobFiles.objection(to: name) == nil else { return nil }
        if let known = loaded.withLock({ $0[name] }) { return known.source }
        let found: Loaded
        if try folder.directory.status(of: name) != nil {
            let file = try folder.pin(name, as: .template)
            found = Loaded(file: file, scope: .job, source: try Self.source(file, name, shown: name))
        } else if let site, let (file, source) = try Self.inSite(name, site) {
            found = Loaded(file: file, scope: .site, source: source)
        } else {
            return nil
        }
        loaded.withLock { $0[name] = found }
        return found.source
    }

    /// The manifest's inline images, under the names by which templates show them.
    func images(_ manifest: Manifest) throws -> [InlineImage] {
        try manifest.inlineImages.map { image in
            guard let source = try source(image.file.value) else {
                throw Diagnostic(
                    "there is no \(image.file.value)",
                    at: image.file.place,
                    fix: "put it into the job's folder"
                )
            }
            return InlineImage(name: image.id.value, bytes: source.bytes)
        }
    }

    /// Adds all that was read to the job's identity.
    func add(to pin: inout ContentPin) {
        for file in loaded.withLock({ Array($0.values) }) { pin.add(file.file, file.scope) }
    }

    /// SHA-256 by name of what was read from the job's folder.
    var digests: [String: [UInt8]] {
        loaded.withLock { $0.values.filter { $0.scope == .job } }
            .reduce(into: [:]) { $0[$1.file.name] = $1.file.digest }
    }

    /// A template of the site's by its file's name; `nil` if there is none.
    static func inSite(_ name: String, _ site: Directory) throws -> (file: PinnedFile, source: TemplateSource)? {
        guard JobFiles.objection(to: name) == nil, try site.status(of: name) != nil else { return nil }
        let file = try JobFolder.pin(name, as: .template, in: site)
        if let objection = Ownership.objection(to: file.status, name: "templates/\(name)", use: .configuration) {
            throw objection
        }
        return (file, try source(file, name, shown: "templates/\(name)"))
    }

    private static func source(_ file: PinnedFile, _ name: String, shown: String) throws -> TemplateSource {
        TemplateSource(name: name, file: shown, bytes: try file.contents())
    }
}
