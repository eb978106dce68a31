import Core
import Intake
import Tracking

extension Site {
    /// How programs are told from people: the site's own rules, or those that are compiled in.
    func classifier() throws(EngineError) -> Classifier {
        guard let name = configuration.tracking?.visitors.rules else { return .shipped }
        let bytes = try file(name, limit: AutomationRules.maximumSize)
        do {
            return Classifier(try AutomationRules.parse(bytes: bytes, file: name.value))
        } catch {
            throw EngineError(.configuration, error.all)
        }
    }

    /// What the tracking server keeps of those who make requests.
    func visitorNotes(_ keys: TokenKeys) throws(EngineError) -> VisitorNotes {
        guard let visitors = configuration.tracking?.visitors else { return VisitorNotes(keys) }
        guard let places = visitors.places else { return VisitorNotes(keys, addresses: visitors.addresses) }
        do {
            let database = try PlaceDatabase(path: absolute(places.value))
            return VisitorNotes(keys, addresses: visitors.addresses, places: database)
        } catch {
            throw EngineError(
                .configuration,
                "\(error)",
                at: places.place,
                fix: "put a database such as GeoLite2-City.mmdb there, or remove the line"
            )
        }
    }
}
