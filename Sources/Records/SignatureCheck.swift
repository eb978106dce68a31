public import Files
public import OpenSSL

/// Checks signed files.
public struct SignatureCheck: Sendable {
    /// What a check found.
    public enum Finding: String, Hashable, Sendable {
        /// The file is what was signed with this key.
        case good
        /// The file was changed, or another key signed it.
        case bad
        /// There is a file and no signature.
        case unsigned
        /// There is a signature and no file.
        case missing
    }

    /// A file and what was found of it.
    public struct Report: Hashable, Sendable {
        /// The file's name.
        public var file: String
        /// What was found.
        public var finding: Finding
    }

    /// The files of a job that are signed.
    public static let signedFiles = [
        ResultsFile.name, TrackingFile.name, EventsFile.name, SummaryFiles.json, UpdatesFile.name,
    ]

    private static let longestSignature = 256
    private let key: VerifyingKey

    /// Checks with the public half of the site's records key.
    public init(_ key: VerifyingKey) {
        self.key = key
    }

    /// Checks one file in a directory against the `.sig` beside it.
    ///
    /// A file that is being replaced can look bad for an instant, so that a bad one is looked at twice.
    public func check(_ name: String, in directory: Directory) throws(FileError) -> Finding {
        let first = try checkOnce(name, in: directory)
        return first == .good ? first : try checkOnce(name, in: directory)
    }

    /// Checks all signed files of a job's folder that are there, in whole or in half.
    public func check(job directory: Directory) throws(FileError) -> [Report] {
        var reports: [Report] = []
        for name in Self.signedFiles {
            let finding = try check(name, in: directory)
            if finding == .missing, try directory.status(of: name + Signer.suffix) == nil { continue }
            reports.append(Report(file: name, finding: finding))
        }
        return reports
    }

    /// Whether a signature is that of a file's content.
    func isSigned(_ name: String, by signature: [UInt8], in directory: Directory) throws(FileError) -> Bool {
        let digest = try Self.digest(of: try directory.openRegular(name))
        return key.isValid(signature: signature, digest: digest)
    }

    private func checkOnce(_ name: String, in directory: Directory) throws(FileError) -> Finding {
        guard try directory.status(of: name) != nil else { return .missing }
        let digest = try Self.digest(of: try directory.openRegular(name))
        guard let status = try directory.status(of: name + Signer.suffix) else { return .unsigned }
        guard status.kind == .regular, status.size <= Int64(Self.longestSignature) else { return .bad }
        let signature = try directory.read(name + Signer.suffix, limit: Self.longestSignature)
        return key.isValid(signature: signature, digest: digest) ? .good : .bad
    }

    private static func digest(of file: Descriptor) throws(FileError) -> [UInt8] {
        var hasher = SHA256()
        var block: [UInt8] = []
        var offset: Int64 = 0
        let size = try file.status().size
        while true {
            // One byte more than there was, so that a file that grew is read to its end.
            try file.read(at: offset, count: Int(max(1, min(1 << 18, size + 1 - offset))), into: &block)
            if block.isEmpty { return hasher.finalize() }
            hasher.update(block)
            offset += Int64(block.count)
        }
    }
}
