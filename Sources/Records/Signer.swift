package import Files
public import OpenSSL

/// Writes files that are signed: beside each a `.sig`, ECDSA P-256 over SHA-256 of the file, in DER.
///
/// A new file and its signature are both on the disk under temporary names before either is seen. Then the old signature
/// is removed, the file renamed, the signature renamed: a reader may for an instant find no signature, or one for the
/// file before, but a crash in between leaves a file without a signature, never one with a wrong signature. Whoever writes the
/// records again, as a restart does, mends that.
public struct Signer: Sendable {
    /// What a signature's name ends in.
    package static let suffix = ".sig"
    private let key: SigningKey

    /// Signs with the site's records key.
    public init(_ key: SigningKey) {
        self.key = key
    }

    /// Ends a replacement that a crash cut short once the old signature was gone: the new file and its signature are on the disk
    /// under their temporary names, and whether they belong together can be seen.
    func finish(_ name: String, in directory: Directory) throws {
        let newFile = ".\(name).new.tmp"
        let newSignature = ".\(name)\(Self.suffix).new.tmp"
        guard try directory.status(of: name + Self.suffix) == nil,
            let status = try directory.status(of: newSignature), status.kind == .regular, status.size <= 256
        else { return }
        let signature = try directory.read(newSignature, limit: 256)
        let check = SignatureCheck(key.verifyingKey)
        if try directory.status(of: newFile) != nil {
            guard try check.isSigned(newFile, by: signature, in: directory) else { return }
            try directory.rename(newFile, to: name)
        } else {
            guard try check.isSigned(name, by: signature, in: directory) else { return }
        }
        try directory.rename(newSignature, to: name + Self.suffix)
        try directory.sync()
    }

    /// Removes a file and its signature, if they are there.
    func remove(_ name: String, in directory: Directory) throws {
        try directory.removeDurably([name + Self.suffix, name])
    }

    /// Replaces a file and its signature.
    package func replace<Result>(
        _ name: String,
        in directory: Directory,
        permissions: UInt32,
        _ body: (inout FileWriter) throws -> Result
    ) throws -> Result {
        let newFile = ".\(name).new.tmp"
        let newSignature = ".\(name)\(Self.suffix).new.tmp"
        do {
            let hasher = FileHasher()
            var result: Result?
            try directory.replace(newFile, permissions: permissions, durability: .content, tap: hasher.update) {
                writer in
                result = try body(&writer)
            }
            let signature = key.sign(digest: hasher.finalize())
            try directory.replace(newSignature, permissions: permissions, durability: .content) {
                try $0.append(signature)
            }
            if try directory.status(of: name + Self.suffix) != nil {
                // Not before the new names are on the disk: from them a restart can go on.
                try directory.sync()
                try directory.remove(name + Self.suffix)
            }
            try directory.rename(newFile, to: name)
            try directory.rename(newSignature, to: name + Self.suffix)
            try directory.sync()
            guard let result else { preconditionFailure("a file is renamed only after its content was written") }
            return result
        } catch {
            try? directory.remove(newFile)
            try? directory.remove(newSignature)
            throw error
        }
    }
}

/// SHA-256 of what passes by; a class, so that a file's tap can hold it.
final class FileHasher {
    private var hasher = SHA256()

    func update(_ bytes: [UInt8]) {
        hasher.update(bytes)
    }

    func finalize() -> [UInt8] {
        hasher.finalize()
    }
}
