import Core
import YAML

/// `relay`: one server, or a list of servers that share a route's mail.
enum RelayList {
    /// How many servers a route may have.
    static let most = 16

    private static let expected = "a host and a port such as smtp.relay.example:587"
    private static let fix = "add the port: 587 with starttls, 465 with implicit"

    /// The servers, in order; none if there was a problem with the first.
    static func read(_ reader: MappingReader) -> [Placed<Endpoint>] {
        guard let node = reader.node("relay", required: true) else { return [] }
        guard case .sequence(let items) = node.content else {
            return reader.value("relay", expected: expected, fix: fix) { Endpoint($0) }.map { [$0] } ?? []
        }
        guard (1...most).contains(items.count) else {
            reader.problems.report(
                items.isEmpty
                    ? "\(reader.name("relay")) is empty" : "\(reader.name("relay")) has more than \(most) servers",
                at: reader.keyPlace("relay") ?? node.place,
                fix: items.isEmpty ? "name a host and a port" : "name the first \(most)"
            )
            return []
        }
        var endpoints: [Placed<Endpoint>] = []
        for item in items {
            let name = "each of \(reader.name("relay"))"
            guard let text = reader.text(named: name, item) else { continue }
            guard let endpoint = Endpoint(text.value) else {
                reader.wrong(name, text, expected: expected, fix: fix)
                continue
            }
            guard !endpoints.contains(where: { $0.value == endpoint }) else {
                reader.problems.report(
                    "\(Words.quoted(text.value)) stands twice in \(reader.name("relay"))",
                    at: text.place,
                    fix: "remove one"
                )
                continue
            }
            endpoints.append(Placed(endpoint, at: text.place))
        }
        return endpoints
    }
}
