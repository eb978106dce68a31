import Core
import Files
import OpenSSL

/// The pair that carries addresses from a list's form into the site.
extension SiteKeys {
    /// Makes the pair, where there is none yet.
    static func createSubscribe(in directory: Directory) throws {
        let key = SealingPrivateKey.generate()
        try directory.replace(subscribeFile, permissions: 0o600) { try $0.append(key.pem.exposedCopy()) }
        try directory.replace(subscribePublicFile, permissions: 0o644) { try $0.append(key.publicKey.pem) }
    }

    /// The private half, which only the sending host has.
    static func subscribeKey(in directory: Directory, name: String) throws(EngineError) -> SealingPrivateKey {
        do {
            return try SealingPrivateKey(pem: SecretBytes(copying: try file(subscribeFile, in: directory, name)))
        } catch let error as EngineError {
            throw mended(error)
        } catch {
            throw EngineError(.configuration, "\(error)", at: Place(file: "\(name)/\(subscribeFile)"))
        }
    }

    /// The public half; refused if others can write it, since they would read the addresses.
    static func subscribePublicKey(in directory: Directory, name: String) throws(EngineError) -> SealingPublicKey {
        let place = Place(file: "\(name)/\(subscribePublicFile)")
        do {
            guard try !directory.openRegular(subscribePublicFile).status().isWritableByOthers else {
                throw EngineError(
                    .configuration,
                    "others than its owner can write it",
                    at: place,
                    fix: "chmod go-w \(place.file)"
                )
            }
            return try SealingPublicKey(pem: try directory.read(subscribePublicFile, limit: 1 << 16))
        } catch let error as EngineError {
            throw error
        } catch let error as FileError where error.isNotFound {
            throw EngineError(
                .configuration,
                "\(error)",
                at: place,
                fix:
                    "`wardpost keys subscribe` on the sending host makes it; copy this file, and never \(subscribeFile)"
            )
        } catch {
            throw EngineError(.configuration, "\(error)", at: place)
        }
    }

    /// What to do about a key that an older site does not have yet.
    private static func mended(_ error: EngineError) -> EngineError {
        var error = error
        for index in error.problems.indices where error.problems[index].fix.contains("init") {
            error.problems[index].fix =
                "`wardpost keys subscribe` makes it; put the key of an old site back from its backup"
        }
        return error
    }
}
