/// What the pages for recipients say, in one language.
struct PageText: Sendable {
    /// A sentence or a label of the pages.
    enum Word: CaseIterable {
        case unsubscribe, askAll, askList, unsubscribeButton, nothingYet, choose
        case doneTitle, doneAll, doneList, changedMind
        case preferences, preferencesHelp, noMemory, allMail, allMailHelp
        case keep, stop, again, save
        case savedTitle, stopped, againFrom, againHelp, nothingChosenTitle, nothingChosen
        case failedTitle, failed, unknownTitle, unknown
        case languages
    }

    /// A line for each sentence, a column for each language, in the order of ``PageLanguage``'s cases.
    static let table: [(word: Word, texts: [String])] = [
        (.unsubscribe, ["Unsubscribe", "Cancelar suscripción"]),
        (
            .askAll,
            [
                "Press the button if you no longer want to receive any e-mail from this sender.",
                "Pulse el botón si ya no desea recibir ningún correo de este remitente.",
            ]
        ),
        (
            .askList,
            [
                "Press the button if you no longer want to receive e-mail of this list:",
                "Pulse el botón si ya no desea recibir correos de esta lista:",
            ]
        ),
        (.unsubscribeButton, ["Unsubscribe", "Cancelar suscripción"]),
        (
            .nothingYet,
            [
                "Nothing changes until you press the button.",
                "Nada cambia hasta que pulse el botón.",
            ]
        ),
        (.choose, ["Choose which e-mail you get", "Elegir qué correos recibe"]),
        (.doneTitle, ["You are unsubscribed", "Su suscripción está cancelada"]),
        (
            .doneAll,
            [
                "You will receive no more e-mail from this sender. Nothing else is needed.",
                "No recibirá más correos de este remitente. No hace falta nada más.",
            ]
        ),
        (
            .doneList,
            [
                "Nothing else is needed. You will receive no more e-mail of this list:",
                "No hace falta nada más. No recibirá más correos de esta lista:",
            ]
        ),
        (.changedMind, ["Have you changed your mind?", "¿Ha cambiado de opinión?"]),
        (.preferences, ["Choose which e-mail you get", "Elija qué correos recibe"]),
        (
            .preferencesHelp,
            [
                "Make your choices and press the button at the end. Nothing changes before.",
                "Elija y pulse el botón que está al final. Nada cambia antes.",
            ]
        ),
        (
            .noMemory,
            [
                "To protect your privacy, this page does not know and does not show what you chose before.",
                "Para proteger su privacidad, esta página no conoce ni muestra lo que eligió antes.",
            ]
        ),
        (.allMail, ["All e-mail from this sender", "Todos los correos de este remitente"]),
        (
            .allMailHelp,
            [
                "All e-mail includes messages about your own care.",
                "Todos los correos incluyen los mensajes sobre su propia atención médica.",
            ]
        ),
        (.keep, ["Leave as it is", "Dejar como está"]),
        (.stop, ["Stop", "Dejar de recibir"]),
        (.again, ["Get again what I stopped", "Volver a recibir lo que cancelé"]),
        (.save, ["Save my choices", "Guardar mi elección"]),
        (.savedTitle, ["Your choices are saved", "Su elección está guardada"]),
        (.stopped, ["You will receive no more of this:", "Ya no recibirá esto:"]),
        (.againFrom, ["You get this again if you had stopped it:", "Vuelve a recibir esto si lo había cancelado:"]),
        (
            .againHelp,
            [
                "If nothing arrives, please contact the sender: mail to your address may have been stopped for another reason.",
                "Si no le llega nada, póngase en contacto con el remitente: quizá se dejó de escribir a su dirección por otro motivo.",
            ]
        ),
        (.nothingChosenTitle, ["Nothing has changed", "Nada ha cambiado"]),
        (
            .nothingChosen,
            [
                "You left everything as it is.",
                "Usted dejó todo como estaba.",
            ]
        ),
        (.failedTitle, ["Please try again", "Inténtelo de nuevo"]),
        (
            .failed,
            [
                "We could not record your wish just now. Please try again in a few minutes, or answer the message instead.",
                "Ahora mismo no hemos podido registrar su petición. Inténtelo de nuevo en unos minutos o responda al mensaje.",
            ]
        ),
        (.unknownTitle, ["This link does not work", "Este enlace no funciona"]),
        (
            .unknown,
            [
                "The link may be incomplete. Please open it again from the message, or answer the message instead.",
                "Puede que el enlace esté incompleto. Ábralo de nuevo desde el mensaje o responda al mensaje.",
            ]
        ),
        (.languages, ["Language", "Idioma"]),
    ]

    /// The language.
    let language: PageLanguage
    private let texts: [Word: String]

    private static let english = PageText(.english)
    private static let spanish = PageText(.spanish)

    /// What the pages say in a language.
    static func of(_ language: PageLanguage) -> PageText {
        switch language {
        case .english: english
        case .spanish: spanish
        }
    }

    /// What they say to a browser that accepts some languages.
    static func preferred(_ accepted: String?) -> PageText {
        of(.chosen(asked: nil, message: "", accepted: accepted))
    }

    private init(_ language: PageLanguage) {
        let column = PageLanguage.allCases.firstIndex(of: language) ?? 0
        self.language = language
        texts = Self.table.reduce(into: [:]) { $0[$1.word] = $1.texts[column] }
    }

    subscript(word: Word) -> String {
        texts[word] ?? ""
    }
}
