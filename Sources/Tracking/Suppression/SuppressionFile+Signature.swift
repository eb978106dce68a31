import Core
import Files
import OpenSSL

extension SuppressionFile {
    /// Signs the whole file after an addition.
    func sign(_ appended: ChainedFile.Appended) throws {
        try sign(appended.file, behind: appended.sizeBefore, isNew: appended.isNew)
    }

    /// Signs the whole file, so that whoever has the public key can check it:
    /// `openssl dgst -sha256 -verify records.pub.pem -signature suppression.jsonl.sig suppression.jsonl`.
    ///
    /// Nothing is signed unseen: the signature before must be good for what was there before, or the chain must hold from the
    /// first line to the last. If neither does, the signature stays as it is and is bad, as it should be.
    func sign(_ file: Descriptor, behind before: Int64, isNew: Bool) throws {
        guard let signer else { return }
        var hasher = SHA256()
        var offset: Int64 = 0
        var block: [UInt8] = []
        func take(to end: Int64) throws {
            while offset < end {
                try file.read(at: offset, count: Int(min(1 << 18, end - offset)), into: &block)
                guard !block.isEmpty else {
                    throw Refused(description: "\(Self.name) became shorter while it was read")
                }
                hasher.update(block)
                offset += Int64(block.count)
            }
        }
        try take(to: before)
        if !isNew, try !isSigned(hasher.digestSoFar(), by: signer), try !damage().isEmpty { return }
        try take(to: try file.status().size)
        let signature = signer.sign(digest: hasher.finalize())
        try outbox.replace(Self.signatureName, permissions: 0o600) { try $0.append(signature) }
    }

    private func isSigned(_ digest: [UInt8], by signer: SigningKey) throws -> Bool {
        guard try outbox.status(of: Self.signatureName) != nil else { return false }
        return signer.verifyingKey.isValid(signature: try outbox.read(Self.signatureName, limit: 256), digest: digest)
    }

    /// What is damaged in the file that nobody has looked at: its whole chain is followed.
    public func damage() throws -> [ChainFault] {
        var follower = Self.follower(key)
        var faults: [ChainFault] = []
        var mended: Set<MendedPlace> = []
        try follower.poll(in: outbox) { fault in
            faults.append(fault)
        } _: { line in
            if let place = MendedPlace(line) { mended.insert(place) }
        }
        return faults.filter { !mended.contains(MendedPlace(file: $0.file, offset: $0.offset)) }
    }
}
