import Core
import Intake
import OpenSSL

/// Looks whether the tracking server's certificates name the hosts that they are for.
///
/// The default host is left out, as it always was: it may stand behind a proxy that shows another certificate. A further
/// host must be named by its own certificate, or by the server's where it has none.
struct TrackingHostCheck {
    let site: Site

    /// What stands against the links of a job.
    ///
    /// Nothing where the certificate cannot be read: it may be on the tracking host alone.
    func problems(of manifest: Manifest) -> [Diagnostic] {
        guard let tracking = site.configuration.tracking,
            let host = tracking.host(forSender: manifest.from.value.address.domain),
            let certificate = host.certificate ?? tracking.certificate, let pem = try? site.file(certificate)
        else { return [] }
        return problem(host, certificate, pem).map { [$0] } ?? []
    }

    /// Refuses a site one of whose hosts has a certificate that does not name it.
    func check() throws(EngineError) {
        guard let tracking = site.configuration.tracking else { return }
        var problems: [Diagnostic] = []
        for host in tracking.hosts {
            guard let certificate = host.certificate ?? tracking.certificate else { continue }
            let pem = try site.file(certificate)
            if let problem = problem(host, certificate, pem) { problems.append(problem) }
        }
        guard problems.isEmpty else { throw EngineError(.configuration, problems) }
    }

    private func problem(_ host: SiteConfiguration.Tracking.Host, _ certificate: Placed<String>, _ pem: [UInt8])
        -> Diagnostic?
    {
        do throws(OpenSSLError) {
            guard try !ServerCertificate.names(host.name, chainPEM: pem) else { return nil }
            return Diagnostic(
                "the certificate \(certificate.value) does not name the host \(host.name)",
                at: host.certificate?.place ?? host.baseURL.place,
                fix: "get one that does, the host's own certificate first in its file"
            )
        } catch {
            return Diagnostic("\(certificate.value): \(error)", at: certificate.place)
        }
    }
}
