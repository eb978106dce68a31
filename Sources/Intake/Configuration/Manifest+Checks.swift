public import Core

extension Manifest {
    /// The columns that the manifest itself names, each with its place, so that one missing from the recipient file can
    /// be pointed at.
    public var namedColumns: [Placed<String>] {
        let marketing = [Self.authorizationColumn, Self.authorizationExpiresColumn]
        return [columns.address, columns.key] + (columns.name.map { [$0] } ?? []) + columns.plain
            + defaults.map(\.column) + trustedHTML + (isMarketing ? marketing.map { Placed($0, at: purpose.place) } : [])
    }

    /// When messages may go out at the earliest and at the latest, by the site's clocks.
    public func times(in zone: TimeZoneRules) -> (notBefore: Timestamp?, notAfter: Timestamp?) {
        (notBefore.map { zone.moment(of: $0.value) }, notAfter.map { zone.moment(of: $0.value) })
    }

    /// What stands against the manifest on this site, at this time: its From, route, agreement, times and lists.
    public func problems(in site: SiteConfiguration, at now: Timestamp) -> [Diagnostic] {
        []
    }
}
