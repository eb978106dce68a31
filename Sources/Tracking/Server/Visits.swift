internal import Web

/// Makes the events of requests.
struct Visits: Sendable {
    let classifier: Classifier
    let clock: @Sendable () -> Int64

    /// What was found out about requests with the same fields.
    private final class Note {
        var verdicts: [(kind: Event.Kind, method: String, audience: Event.Audience, why: String)] = []
    }

    /// The event that a request is.
    func event(_ kind: Event.Kind, _ content: TokenContent, _ request: WebRequest) -> Event {
        let (audience, why) = verdict(kind, request)
        return Event(
            kind,
            job: content.job,
            row: content.row,
            milliseconds: clock(),
            audience: audience,
            why: why,
            method: request.methodName,
            agent: request.headers.agent
        )
    }

    /// Who made a request, worked out once for all requests of a connection that say the same of themselves.
    private func verdict(_ kind: Event.Kind, _ request: WebRequest) -> (Event.Audience, String) {
        let note: Note
        if let known = request.headers.note as? Note {
            note = known
            for known in note.verdicts where known.kind == kind && known.method == request.methodName {
                return (known.audience, known.why)
            }
        } else {
            note = Note()
            request.headers.note = note
        }
        let fields = request.headers.all
        let facts = RequestFacts(method: request.methodName, agent: request.headers.agent) { name in
            fields.first { $0.name == name }?.value
        }
        let (audience, why) = classifier.classify(facts)
        note.verdicts.append((kind, request.methodName, audience, why))
        return (audience, why)
    }
}
