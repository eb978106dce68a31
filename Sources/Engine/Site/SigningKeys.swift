import Compose
import Core
import Files
import Intake
import OpenSSL

/// The private keys of DKIM: a file each in `dkim/` of the key directory, named after its DNS record.
///
///     keys/dkim/wp2026._domainkey.riverside.example.pem
///     keys/dkim/wp2026-ed25519._domainkey.riverside.example.pem
struct SigningKeys: Sendable {
    static let folder = "dkim"
    /// The most that a file with a key may have.
    static let limit = 1 << 16

    let site: Site

    /// Where a key's file is, for people.
    func path(of kind: MailSigningKey.Kind, _ domain: SigningDomain) -> String {
        "\(site.configuration.keys.value)/\(Self.folder)/\(Self.file(of: kind, domain))"
    }

    static func file(of kind: MailSigningKey.Kind, _ domain: SigningDomain) -> String {
        domain.recordName(of: kind) + ".pem"
    }

    /// What signs the messages of a domain; `nil` if the site has no keys for it.
    ///
    /// Everything that is wrong with its keys is told at once.
    func signer(of domain: String) throws(EngineError) -> MessageSigner? {
        guard let domain = site.configuration.dkim?[domain] else { return nil }
        var keys: [MessageSigner.Key] = []
        var problems: [Diagnostic] = []
        for kind in domain.kinds {
            do throws(EngineError) {
                keys.append(MessageSigner.Key(selector: domain.selector(of: kind), key: try key(kind, domain)))
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else { throw EngineError(.configuration, problems) }
        return MessageSigner(domain: domain.domain.value, keys: keys)
    }

    /// Reads one key; refuses one that others can read, that is too small or of another kind.
    func key(_ kind: MailSigningKey.Kind, _ domain: SigningDomain) throws(EngineError) -> MailSigningKey {
        let path = path(of: kind, domain)
        let directory = try site.keyDirectory()
        do {
            let folder = try directory.open(subdirectory: Self.folder)
            try SiteKeys.checkPrivate(try folder.status(), "\(site.configuration.keys.value)/\(Self.folder)")
            let file = Self.file(of: kind, domain)
            try SiteKeys.checkPrivate(try folder.openRegular(file).status(), path)
            let key = try MailSigningKey(pem: SecretBytes(copying: try folder.read(file, limit: Self.limit)))
            guard key.kind == kind else {
                throw refusal("\(path) holds a key of another kind, \(key.kind.rawValue)", domain)
            }
            return key
        } catch let error as EngineError {
            throw error
        } catch let error as FileError where error.isNotFound {
            throw refusal("there is no \(path)", domain, fix: "`\(Self.command(domain))` makes it")
        } catch let error as OpenSSLError {
            throw refusal("\(path): \(error)", domain)
        } catch {
            throw refusal("\(path): \(error)", domain)
        }
    }

    /// How to make a domain's keys.
    static func command(_ domain: SigningDomain) -> String {
        "wardpost keys dkim --domain \(domain.domain.value) --selector \(domain.selector.value)"
    }

    private func refusal(_ problem: String, _ domain: SigningDomain, fix: String = "") -> EngineError {
        // A domain that was only named on the command line stands nowhere.
        let place = domain.selector.place
        return EngineError(.configuration, problem, at: place.file.isEmpty ? nil : place, fix: fix)
    }
}
