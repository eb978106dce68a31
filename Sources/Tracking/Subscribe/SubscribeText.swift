/// The words of the subscription pages in one language.
struct SubscribeText: Sendable {
    let language: PageLanguage
    let title: String
    let intro: String
    let label: String
    let trap: String
    let button: String
    let privacy: String
    let malformed: String
    let takenTitle: String
    let taken: String
    let takenMore: String
    let tooManyTitle: String
    let tooMany: String
    let failedTitle: String
    let failed: String
    let confirmTitle: String
    let confirm: String
    let confirmButton: String
    let confirmedTitle: String
    let confirmed: String
    let expiredTitle: String
    let expired: String
    let again: String

    static let english = SubscribeText(
        language: .english,
        title: "Subscribe",
        intro: "Enter your e-mail address. We will send a message to it with a link; you are subscribed once you have "
            + "followed the link and pressed the button there.",
        label: "E-mail address",
        trap: "Leave this field empty",
        button: "Subscribe",
        privacy: "Every message of the list has a link by which you can leave it again.",
        malformed: "This is not a complete e-mail address. Please write it like name@example.org.",
        takenTitle: "Please check your e-mail",
        taken: "If this address can be subscribed, a message is on its way to it.",
        takenMore:
            "Follow the link in the message within 3 days and press the button there. Without that nothing else will be sent.",
        tooManyTitle: "Please try again later",
        tooMany: "Too many requests have come from where you are, or for all our lists. Please try again in an hour.",
        failedTitle: "Please try again",
        failed: "We could not record your request just now. Please try again in a few minutes.",
        confirmTitle: "Confirm your subscription",
        confirm: "Press the button to receive e-mail of this list:",
        confirmButton: "Yes, subscribe me",
        confirmedTitle: "You are subscribed",
        confirmed: "Nothing else is needed. From now on you will receive e-mail of this list:",
        expiredTitle: "This link has expired",
        expired: "Links of confirmation messages work for 3 days. Please fill in the form again for this list:",
        again: "To the form"
    )

    static let spanish = SubscribeText(
        language: .spanish,
        title: "Suscribirse",
        intro: "Escriba su dirección de correo electrónico. Le enviaremos un mensaje con un enlace; quedará suscrito "
            + "cuando lo haya abierto y haya pulsado el botón que aparece allí.",
        label: "Dirección de correo electrónico",
        trap: "Deje este campo vacío",
        button: "Suscribirse",
        privacy: "Cada mensaje de la lista lleva un enlace para darse de baja.",
        malformed: "No es una dirección de correo completa. Escríbala así: nombre@example.org.",
        takenTitle: "Revise su correo, por favor",
        taken: "Si esta dirección se puede suscribir, un mensaje va en camino hacia ella.",
        takenMore:
            "Abra el enlace del mensaje en un plazo de 3 días y pulse el botón que aparece allí. Sin eso no se enviará nada más.",
        tooManyTitle: "Inténtelo más tarde",
        tooMany: "Han llegado demasiadas peticiones desde donde usted está, o para todas nuestras listas. "
            + "Inténtelo de nuevo dentro de una hora.",
        failedTitle: "Inténtelo de nuevo",
        failed: "Ahora mismo no hemos podido registrar su petición. Inténtelo de nuevo en unos minutos.",
        confirmTitle: "Confirme su suscripción",
        confirm: "Pulse el botón para recibir los correos de esta lista:",
        confirmButton: "Sí, quiero suscribirme",
        confirmedTitle: "Ya está suscrito",
        confirmed: "No hace falta nada más. A partir de ahora recibirá los correos de esta lista:",
        expiredTitle: "Este enlace ha caducado",
        expired: "Los enlaces de los mensajes de confirmación funcionan durante 3 días. Rellene de nuevo el formulario "
            + "de esta lista:",
        again: "Al formulario"
    )

    /// The words in a language.
    static func of(_ language: PageLanguage) -> SubscribeText {
        switch language {
        case .english: english
        case .spanish: spanish
        }
    }
}
