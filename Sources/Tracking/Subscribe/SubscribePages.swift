/// The pages of a list's form and of its confirmation: plain HTML without script, cookie, picture or anything from elsewhere.
struct SubscribePages: Sendable {
    let pages: Pages

    /// The form; with what was typed and what is wrong with it, if something is.
    func form(_ list: String, typed: String? = nil, _ text: SubscribeText) -> String {
        let problem = typed == nil ? "" : #"<p class="problem" id="problem" role="alert">"# + e(text.malformed) + "</p>"
        let described = typed == nil ? "privacy" : "problem privacy"
        let value = typed.map { #" value="\#(e($0))" aria-invalid="true" autofocus"# } ?? ""
        return page(
            text,
            text.title,
            """
            <p><strong>\(e(list))</strong></p>
            <p>\(e(text.intro))</p>
            \(problem)<form method="post" action="?lang=\(text.language.rawValue)">
            <p><label for="email">\(e(text.label))</label>
            <input type="email" id="email" name="email" autocomplete="email" autocapitalize="none" spellcheck="false" \
            maxlength="254" required aria-describedby="\(described)"\(value)></p>
            <p class="trap" aria-hidden="true"><label for="website">\(e(text.trap))</label>
            <input type="text" id="website" name="website" tabindex="-1" autocomplete="off"></p>
            <p><button type="submit">\(e(text.button))</button></p>
            <p id="privacy">\(e(text.privacy))</p>
            </form>

            """,
            languages: true
        )
    }

    /// What everybody sees who sent the form, whatever becomes of it.
    func taken(_ text: SubscribeText) -> String {
        page(text, text.takenTitle, paragraph(text.taken) + paragraph(text.takenMore))
    }

    /// Too many forms were sent.
    func tooMany(_ text: SubscribeText) -> String {
        page(text, text.tooManyTitle, paragraph(text.tooMany))
    }

    /// What was wanted could not be recorded.
    func failed(_ text: SubscribeText) -> String {
        page(text, text.failedTitle, paragraph(text.failed))
    }

    /// The page behind the link of a confirmation message.
    func ask(_ list: String, _ text: SubscribeText) -> String {
        page(
            text,
            text.confirmTitle,
            paragraph(text.confirm) + named(list)
                // Without `action`, the form goes to the page's own address, which is the token's.
                + #"<form method="post"><p><button type="submit" name="confirm" value="yes">"# + e(text.confirmButton)
                + "</button></p></form>\n",
            languages: true
        )
    }

    /// The page after the button was pressed.
    func confirmed(_ list: String, _ text: SubscribeText) -> String {
        page(text, text.confirmedTitle, paragraph(text.confirmed) + named(list))
    }

    /// The page behind a link whose time is over.
    func expired(_ list: String, form: String, _ text: SubscribeText) -> String {
        page(
            text,
            text.expiredTitle,
            paragraph(text.expired) + named(list) + #"<p><a href="\#(e(form))">"# + e(text.again) + "</a></p>\n"
        )
    }

    private func page(_ text: SubscribeText, _ title: String, _ body: String, languages: Bool = false) -> String {
        pages.page(PageText.of(text.language), title: title, body: body, languages: languages)
    }

    private func paragraph(_ text: String) -> String {
        pages.paragraph(text)
    }

    private func named(_ list: String) -> String {
        "<p><strong>\(e(list))</strong></p>\n"
    }

    private func e(_ text: String) -> String {
        Pages.escaped(text)
    }
}
