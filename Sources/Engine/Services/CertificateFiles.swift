import Core
import Files
import Intake
import OpenSSL
import Synchronization

/// A certificate and its key on disk, looked at again and again.
final class CertificateFiles: Sendable {
    private struct Stamp: Equatable {
        var modified: Int64
        var inode: UInt64
        var size: Int64
    }

    private let site: Site
    private let certificate: Placed<String>
    private let key: Placed<String>
    /// The name that the certificate must have; `nil` where any will do.
    private let name: String?
    private let seen: Mutex<[Stamp]>

    /// Notes what is there now.
    init(_ site: Site, certificate: Placed<String>, key: Placed<String>, name: String?) throws(EngineError) {
        self.site = site
        self.name = name
        self.certificate = certificate
        self.key = key
        seen = Mutex(try Self.stamps(site, certificate, key))
    }

    /// Both files' content.
    func read() throws(EngineError) -> (certificatePEM: [UInt8], keyPEM: SecretBytes) {
        (try site.file(certificate), SecretBytes(copying: try site.secretFile(key)))
    }

    /// Both files' content if one of them was changed or replaced since the last look.
    ///
    /// What was changed is read again at each look until it can be used: the two files are seldom replaced in one moment.
    func reload() throws(EngineError) -> (certificatePEM: [UInt8], keyPEM: SecretBytes)? {
        let now = try Self.stamps(site, certificate, key)
        guard seen.withLock({ $0 != now }) else { return nil }
        let read = try read()
        // Not while they do not belong together.
        do {
            _ = try TLSServerContext(certificateChainPEM: read.certificatePEM, keyPEM: read.keyPEM)
            if let name, try !ServerCertificate.names(name, chainPEM: read.certificatePEM) {
                throw EngineError(.configuration, "\(certificate.value) does not name the host \(name)")
            }
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.configuration, "\(certificate.value) and \(key.value): \(error)")
        }
        seen.withLock { $0 = now }
        return read
    }

    private static func stamps(
        _ site: Site,
        _ certificate: Placed<String>,
        _ key: Placed<String>
    ) throws(EngineError) -> [Stamp] {
        var stamps: [Stamp] = []
        for name in [certificate, key] {
            let parts = site.absolute(name.value).split(separator: "/", omittingEmptySubsequences: true)
            do {
                let parent = try Directory(path: "/" + parts.dropLast().joined(separator: "/"))
                let status = try parent.openRegular(String(parts.last ?? "")).status()
                stamps.append(Stamp(modified: status.modified, inode: status.inode, size: status.size))
            } catch {
                throw EngineError(.configuration, "\(error)", at: name.place)
            }
        }
        return stamps
    }
}
