public import Core
import YAML

extension SiteConfiguration {
    /// The lists that people can subscribe to by a form, and how confirmation messages go out.
    public struct Subscribe: Hashable, Sendable {
        /// The lists.
        public var lists: [Placed<String>]
        /// The From mailbox of confirmation messages.
        public var from: Placed<Mailbox>
        /// Their route, if it is not the site's usual one.
        public var route: Placed<String>?
        /// How many forms are taken, and how many confirmation messages go out, in an hour in all.
        public var perHour = 200
        /// How many forms one network address may send in an hour.
        public var perVisitor = 20

        /// Whether a list has a form.
        public func has(_ list: String) -> Bool {
            lists.contains { $0.value == list }
        }
    }

    /// The route of confirmation messages: the one that `subscribe` names, the site's `default_route`, or the only one there is.
    public func route(for subscribe: Subscribe) throws(Diagnostic) -> Route {
        if let wanted = subscribe.route ?? defaultRoute {
            if let route = routes.first(where: { $0.name.value == wanted.value }) { return route }
            throw Diagnostic(
                "there is no route \(Words.quoted(wanted.value))",
                at: wanted.place,
                fix: Words.suggestion(for: wanted.value, in: routes.map(\.name.value))
            )
        }
        guard let only = routes.first, routes.count == 1 else {
            throw Diagnostic(
                "\"subscribe\" names no route, and the site has several or none",
                at: subscribe.from.place,
                fix: "add `route:` with one of \(Words.list(routes.map(\.name.value)))"
            )
        }
        return only
    }
}

extension SiteConfiguration.Subscribe {
    /// Reads `subscribe`; `nil` if it is not there.
    static func read(_ reader: MappingReader, fromDomains: [String]) -> Self? {
        let known = ["lists", "from", "route", "per_hour", "per_visitor"]
        guard let fields = reader.mapping("subscribe", known: known) else { return nil }
        let lists = fields.texts("lists", of: "lists", required: true).filter { list in
            guard !RouteName.isGood(list.value) else { return true }
            fields.wrong(
                "each of \(fields.name("lists"))",
                list,
                expected: "letters, digits, hyphens, dots and underscores, at most 64"
            )
            return false
        }
        if case .sequence(let items) = fields.value("lists")?.content, items.isEmpty {
            reader.problems.report(
                "\(fields.name("lists")) is empty",
                at: fields.keyPlace("lists") ?? fields.place,
                fix: "name the lists that people can subscribe to, or remove \"subscribe\""
            )
        }
        let from = Manifest.mailbox("from", fields, required: true)
        if let from, !fromDomains.isEmpty, !fromDomains.contains(from.value.address.domain) {
            reader.problems.report(
                "the site does not send from \(Words.quoted(from.value.address.domain))",
                at: from.place,
                fix: Words.suggestion(
                    for: from.value.address.domain,
                    in: fromDomains,
                    named: "its \"from_domains\" are"
                )
            )
        }
        let route = fields.text("route")
        if let route, !reader.entryNames("routes").contains(route.value) {
            reader.problems.report(
                "there is no route \(Words.quoted(route.value))",
                at: route.place,
                fix: Words.suggestion(for: route.value, in: reader.entryNames("routes"))
            )
        }
        let perHour = fields.number("per_hour", in: 1...100_000)
        let perVisitor = fields.number("per_visitor", in: 1...10_000)
        if reader.keyPlace("tracking") == nil, let place = reader.keyPlace("subscribe") {
            reader.problems.report(
                "\"subscribe\" needs the tracking server, which shows the form",
                at: place,
                fix: "add \"tracking\""
            )
        }
        guard let from, !lists.isEmpty else { return nil }
        var result = Self(lists: lists, from: from, route: route)
        if let perHour { result.perHour = perHour.value }
        if let perVisitor { result.perVisitor = perVisitor.value }
        return result
    }
}
