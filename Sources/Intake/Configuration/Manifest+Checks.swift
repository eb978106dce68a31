public import Core
import YAML

extension Manifest {
    /// The columns that the manifest itself names, each with its place, so that one missing from the recipient file can
    /// be pointed at.
    public var namedColumns: [Placed<String>] {
        var named = [columns.address, columns.key]
        if let name = columns.name { named.append(name) }
        if let zone = columns.zone { named.append(zone) }
        if let noTracking = columns.noTracking { named.append(noTracking) }
        if let language = columns.language { named.append(language) }
        named += columns.plain + defaults.map(\.column) + trustedHTML
        if isMarketing {
            named += [Self.authorizationColumn, Self.authorizationExpiresColumn].map { Placed($0, at: purpose.place) }
        }
        return named
    }

    /// When messages may go out at the earliest and at the latest, by the site's clocks.
    public func times(in zone: TimeZoneRules) -> (notBefore: Timestamp?, notAfter: Timestamp?) {
        (notBefore.map { zone.moment(of: $0.value) }, notAfter.map { zone.moment(of: $0.value) })
    }

    /// What stands against the manifest on this site at this time; warnings are among them.
    ///
    /// Its From, route and agreement, its times, and what it asks of a site that does not have it.
    public func problems(in site: SiteConfiguration, at now: Timestamp) -> [Diagnostic] {
        senderProblems(in: site) + recipientProblems(in: site) + routeProblems(in: site, at: now)
            + trackingProblems(in: site) + listProblems(in: site)
            + timeProblems(in: site.zone.value, at: now)
    }

    private func senderProblems(in site: SiteConfiguration) -> [Diagnostic] {
        let domains = site.fromDomains.map(\.value)
        var problems: [Diagnostic] = []
        let domain = from.value.address.domain
        if !domains.contains(domain) {
            problems.append(
                Diagnostic(
                    "the site does not send from \(Words.quoted(domain))",
                    at: from.place,
                    fix: Words.suggestion(for: domain, in: domains, named: "its \"from_domains\" are")
                )
            )
        }
        if let dkim = site.dkim, domains.contains(domain), dkim[domain] == nil {
            problems.append(
                Diagnostic(
                    "the site signs mail by DKIM, and has no key for \(Words.quoted(domain))",
                    at: from.place,
                    fix: "`wardpost keys dkim --domain \(domain)` makes keys and says what to write below \"dkim\"",
                    severity: dkim.isRequired ? .error : .warning
                )
            )
        }
        if let replyTo, !domains.contains(replyTo.value.address.domain) {
            problems.append(
                Diagnostic(
                    "answers go to a domain outside the site's \"from_domains\"",
                    at: replyTo.place,
                    fix: "make sure that the mailbox may hold health information",
                    severity: .warning
                )
            )
        }
        if isMarketing, site.postalAddress == nil {
            problems.append(
                Diagnostic(
                    "marketing needs the sender's postal address",
                    at: purpose.place,
                    fix: "add \"postal_address\" to \(SiteConfiguration.fileName)"
                )
            )
        }
        return problems
    }

    private func routeProblems(in site: SiteConfiguration, at now: Timestamp) -> [Diagnostic] {
        do throws(Diagnostic) {
            let route = try site.route(for: self)
            return site.problems(of: route, on: CalendarDate(of: now, in: site.zone.value))
        } catch {
            return [error]
        }
    }

    private func trackingProblems(in site: SiteConfiguration) -> [Diagnostic] {
        guard site.tracking == nil else { return [] }
        var needs: [(what: String, place: Place)] = []
        var wayOut: (what: String, place: Place)?
        for act in TrackedAct.allCases {
            guard let isOn = tracking[act], isOn.value else { continue }
            needs.append(("\(act.rawValue) are tracked", isOn.place))
        }
        if let list {
            wayOut = ("a list needs an unsubscribe link", list.place)
        } else if isMarketing {
            wayOut = ("marketing needs an unsubscribe link", purpose.place)
        }
        // Recipients can opt out by a message, too.
        if site.bounces != nil { wayOut = nil }
        return needs.map { need in
            Diagnostic(
                "\(need.what), and the site has no tracking server",
                at: need.place,
                fix: "add \"tracking\" to \(SiteConfiguration.fileName)"
            )
        }
            + [wayOut].compactMap(\.self).map { need in
                Diagnostic(
                    "\(need.what), and the site has no tracking server",
                    at: need.place,
                    fix: "add \"tracking\" to \(SiteConfiguration.fileName), or \"bounces\" for opt-outs by mail"
                )
            }
    }

    /// A list that the site does not name, though it names some.
    private func listProblems(in site: SiteConfiguration) -> [Diagnostic] {
        let names = site.lists.compactMap(\.name)
        guard let list, !names.isEmpty, !names.contains(list.value) else { return [] }
        return [
            Diagnostic(
                "the site's \"lists\" have no \(Words.quoted(list.value))",
                at: list.place,
                fix: Words.suggestion(for: list.value, in: names, named: "they are"),
                severity: .warning
            )
        ]
    }

    private func timeProblems(in zone: TimeZoneRules, at now: Timestamp) -> [Diagnostic] {
        guard let notAfter, let latest = times(in: zone).notAfter else { return [] }
        let earliest = times(in: zone).notBefore
        if let earliest, latest <= earliest {
            return [
                Diagnostic("\"not_after\" is not later than \"not_before\"", at: notAfter.place, fix: "correct one")
            ]
        }
        let start = max(earliest ?? now, now)
        if latest <= start {
            return [
                Diagnostic(
                    "\"not_after\" has passed; every row will be cancelled",
                    at: notAfter.place,
                    fix: "enter a later time",
                    severity: .warning
                )
            ]
        }
        guard let window, let opening = window.value.opening(from: start, in: zone), opening >= latest else {
            return []
        }
        return [
            Diagnostic(
                "the window does not open before \"not_after\"; every row will be cancelled",
                at: window.place,
                fix: "widen the window, or enter a later time",
                severity: .warning
            )
        ]
    }
}
