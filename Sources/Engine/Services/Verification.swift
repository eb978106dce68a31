import Core
import Files
import OpenSSL
import Records
import Tracking

/// Checks the signatures of result files.
public struct Verification: Sendable {
    /// One file and what was found.
    public struct Finding: Sendable {
        /// The file's path as it was named.
        public var path: String
        /// `good`, `bad`, `unsigned` or `missing`.
        public var result: String
        /// Whether the file is what was signed.
        public var isGood: Bool
    }

    private let check: SignatureCheck

    /// Prepares to check against a site's public key.
    ///
    /// - Parameters:
    ///   - site: The site whose `records.pub.pem` is used.
    ///   - keyFile: Another public key's path instead, for whoever has only that.
    public init(site: Site) throws(EngineError) {
        try self.init(key: try Self.read("\(site.keyPath)/\(SiteKeys.publicFile)"))
    }

    /// Prepares to check against a public key's file.
    public init(keyFile: String) throws(EngineError) {
        try self.init(key: try Self.read(keyFile))
    }

    private init(key pem: [UInt8]) throws(EngineError) {
        do {
            check = SignatureCheck(try VerifyingKey(pem: pem))
        } catch {
            throw EngineError(.configuration, "\(error)")
        }
    }

    /// Checks one file, or all signed files of a job's folder.
    public func check(_ path: String) throws(EngineError) -> [Finding] {
        do {
            if let directory = try? Directory(path: path) {
                var findings = try check.check(job: directory).map { Finding("\(path)/\($0.file)", $0.finding) }
                // The site's outbox.
                if try directory.status(of: SuppressionFile.name) != nil {
                    let finding = try check.check(SuppressionFile.name, in: directory)
                    findings.append(Finding("\(path)/\(SuppressionFile.name)", finding))
                }
                guard !findings.isEmpty else {
                    throw EngineError(
                        .usage,
                        "\(path) has no signed files",
                        fix: "name a job's folder or a result file"
                    )
                }
                return findings
            }
            let (parent, name) = Self.split(path)
            return [Finding(path, try check.check(name, in: try Directory(path: parent)))]
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.usage, "\(error)")
        }
    }

    private static func read(_ path: String) throws(EngineError) -> [UInt8] {
        let (parent, name) = split(path)
        do {
            return try Directory(path: parent).read(name, limit: 1 << 16)
        } catch {
            throw EngineError(
                .configuration,
                "\(error)",
                fix: "name the site with --site, or its public key with --key"
            )
        }
    }

    private static func split(_ path: String) -> (parent: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let parent = String(path[..<slash])
        return (parent.isEmpty ? "/" : parent, String(path[path.index(after: slash)...]))
    }
}

extension Verification.Finding {
    init(_ path: String, _ finding: SignatureCheck.Finding) {
        self.init(path: path, result: finding.rawValue, isGood: finding == .good)
    }
}
