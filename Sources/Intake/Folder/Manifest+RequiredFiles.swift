import Core

extension Manifest {
    /// The files that the manifest itself names, for ``FolderScan``; what rows name is looked at when the job is checked.
    ///
    /// - Parameter isInSite: Whether the site's templates have a file; then the job needs none of its own.
    public func requiredFiles(isInSite: (String) -> Bool) -> [RequiredFile] {
        // A list's subscribers are written down when the job is taken up.
        var files = recipientList == nil ? [RequiredFile(recipients.value)] : []
        let candidates = [template.value + ".html", template.value + ".txt"]
        if !candidates.contains(where: isInSite) { files.append(RequiredFile(anyOf: candidates)) }
        files += attachments.map(\.file.value).filter { !$0.contains("{{") }.map { RequiredFile($0) }
        if let holidays { files.append(RequiredFile(holidays.value)) }
        files += inlineImages.map(\.file.value).filter { !isInSite($0) }.map { RequiredFile($0) }
        return files
    }
}
