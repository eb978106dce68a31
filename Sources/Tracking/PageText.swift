/// The words of the unsubscribe page in one language.
struct PageText: Sendable {
    let language: String
    let unsubscribe: String
    let askAll: String
    let askList: String
    let button: String
    let doneTitle: String
    let doneAll: String
    let doneList: String
    let failedTitle: String
    let failed: String
    let unknownTitle: String
    let unknown: String

    static let english = PageText(
        language: "en",
        unsubscribe: "Unsubscribe",
        askAll: "Press the button if you no longer want to receive e-mail from this sender.",
        askList: "Press the button if you no longer want to receive e-mail of this list:",
        button: "Unsubscribe",
        doneTitle: "You are unsubscribed",
        doneAll: "You will receive no more e-mail from this sender. Nothing else is needed.",
        doneList: "Nothing else is needed. You will receive no more e-mail of this list:",
        failedTitle: "Please try again",
        failed: "We could not record your wish just now. Please try again in a few minutes.",
        unknownTitle: "This link does not work",
        unknown: "The link may be incomplete. Please open it again from the message, or answer the message instead."
    )

    static let spanish = PageText(
        language: "es",
        unsubscribe: "Cancelar suscripción",
        askAll: "Pulse el botón si ya no desea recibir correos de este remitente.",
        askList: "Pulse el botón si ya no desea recibir correos de esta lista:",
        button: "Cancelar suscripción",
        doneTitle: "Su suscripción está cancelada",
        doneAll: "No recibirá más correos de este remitente. No hace falta nada más.",
        doneList: "No hace falta nada más. No recibirá más correos de esta lista:",
        failedTitle: "Inténtelo de nuevo",
        failed: "Ahora mismo no hemos podido registrar su petición. Inténtelo de nuevo en unos minutos.",
        unknownTitle: "Este enlace no funciona",
        unknown: "Puede que el enlace esté incompleto. Ábralo de nuevo desde el mensaje o responda al mensaje."
    )

    static let all = [english, spanish]

    /// The language that `Accept-Language` (RFC 9110 section 12.5.4) prefers among ours; English where it names none.
    static func preferred(_ header: String?) -> PageText {
        var best: (text: PageText, weight: Double)?
        for range in (header ?? "").prefix(500).split(separator: ",") {
            let parts = range.split(separator: ";", omittingEmptySubsequences: false).map { trimmed($0) }
            let name = parts[0].lowercased().prefix { $0 != "-" }
            guard let text = all.first(where: { $0.language == name }) else { continue }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }
            let weight = quality.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            if weight > best?.weight ?? 0 { best = (text, weight) }
        }
        return best?.text ?? english
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
