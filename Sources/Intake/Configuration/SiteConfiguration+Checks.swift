public import Core
import YAML

extension SiteConfiguration {
    /// The route that a job takes: the one its manifest names, the site's `default_route`, or the only one there is.
    public func route(for manifest: Manifest) throws(Diagnostic) -> Route {
        guard let wanted = manifest.route ?? defaultRoute else {
            guard let only = routes.first else {
                throw Diagnostic(
                    "no route is there for this job",
                    at: manifest.name.place.fileOnly,
                    fix: "give the site a route in \(Self.fileName)"
                )
            }
            guard routes.count == 1 else {
                throw Diagnostic(
                    "the manifest names no route, and the site has several",
                    at: manifest.name.place.fileOnly,
                    fix: "add `route:` with one of \(Words.list(routes.map(\.name.value)))"
                )
            }
            return only
        }
        guard let route = routes.first(where: { $0.name.value == wanted.value }) else {
            throw Diagnostic(
                "there is no route \(Words.quoted(wanted.value))",
                at: wanted.place,
                fix: Words.suggestion(for: wanted.value, in: routes.map(\.name.value))
            )
        }
        return route
    }

    /// The associate that runs a route's relay; `nil` for a relay of the site's own and for `mx`.
    public func associate(of route: Route) -> Associate? {
        guard case .relay(let relay) = route.way, case .associate(let name) = relay.runBy else { return nil }
        return associates.first { $0.name.value == name.value }
    }

    /// What stands against a route on a day: an agreement that is not in force.
    public func problems(of route: Route, on today: CalendarDate) -> [Diagnostic] {
        guard let associate = associate(of: route) else { return [] }
        let name = "the agreement with \(Words.quoted(associate.name.value))"
        let uses = "route \(Words.quoted(route.name.value)) relies on it"
        if today < associate.signed.value {
            return [
                Diagnostic(
                    "\(name) is in force only from \(associate.signed.value) on, and \(uses)",
                    at: associate.signed.place,
                    fix: "wait for that day, or correct the date"
                )
            ]
        }
        if today >= associate.expires.value {
            return [
                Diagnostic(
                    "\(name) expired on \(associate.expires.value), and \(uses)",
                    at: associate.expires.place,
                    fix: "renew the agreement and enter its new date, or take another route"
                )
            ]
        }
        return []
    }
}

extension Place {
    /// The file alone, for what is missing from it.
    var fileOnly: Place {
        Place(file: file)
    }
}
