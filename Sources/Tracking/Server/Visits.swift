internal import Web

/// Makes the events of requests.
struct Visits: Sendable {
    let classifier: Classifier
    let notes: VisitorNotes
    let clock: @Sendable () -> Int64

    /// What was found out about a connection's requests with the same fields.
    private final class Note {
        let address: ClientAddress
        let visitor: VisitorNotes.Visitor
        var verdicts: [(kind: Event.Kind, method: String, audience: Event.Audience, why: String)] = []

        init(_ request: WebRequest, _ notes: VisitorNotes) {
            address = ClientAddress(bytes: request.peer.bytes)
            visitor = notes.visitor(at: address)
        }
    }

    /// The event that a request is.
    ///
    /// Opens and clicks have what the site keeps of visitors; who opts out is not looked at.
    func event(_ kind: Event.Kind, _ content: TokenContent, _ request: WebRequest) -> Event {
        let note = note(request)
        let (audience, why) = verdict(kind, request, note)
        var event = Event(
            kind,
            job: content.job,
            row: content.row,
            milliseconds: clock(),
            audience: audience,
            why: why,
            method: request.methodName,
            agent: request.headers.agent
        )
        if kind == .open || kind == .click { notes.note(note.visitor, on: &event) }
        return event
    }

    private func note(_ request: WebRequest) -> Note {
        if let known = request.headers.note as? Note { return known }
        let note = Note(request, notes)
        request.headers.note = note
        return note
    }

    /// Who made a request, worked out once for all requests of a connection that say the same of themselves.
    private func verdict(_ kind: Event.Kind, _ request: WebRequest, _ note: Note) -> (Event.Audience, String) {
        for known in note.verdicts where known.kind == kind && known.method == request.methodName {
            return (known.audience, known.why)
        }
        let (audience, why) = classifier.classify(
            kind,
            method: request.methodName,
            agent: request.headers.agent,
            address: note.address
        ) { request.headers[$0] }
        note.verdicts.append((kind, request.methodName, audience, why))
        return (audience, why)
    }
}
