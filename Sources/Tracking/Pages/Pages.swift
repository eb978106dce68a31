import Core
import OpenSSL

/// The few pages that recipients see: plain HTML that works without script, cookie, picture or anything from elsewhere.
///
/// They say nothing of what is known about the reader: the host that serves them knows nothing.
struct Pages: Sendable {
    /// Whose messages these are; may be empty.
    let siteName: String
    /// What the preference page offers besides all mail and the message's own list.
    var lists: [OfferedList] = []

    /// The page with the button; `preferences` is where the preference page is.
    func ask(list: String, preferences: String, _ text: PageText) -> String {
        page(
            text,
            title: text[.unsubscribe],
            body: paragraph(text[list.isEmpty ? .askAll : .askList], list: list, text)
                // Without `action`, the form goes to the page's own address, which is the token's.
                + #"<form method="post"><p><button type="submit" name="confirm" value="yes">"#
                + Self.escaped(text[.unsubscribeButton]) + "</button></p></form>\n"
                + paragraph(text[.nothingYet]) + link(preferences, text[.choose]),
            languages: true
        )
    }

    /// The page after the opt-out is on record.
    func done(list: String, preferences: String, _ text: PageText) -> String {
        page(
            text,
            title: text[.doneTitle],
            body: paragraph(text[list.isEmpty ? .doneAll : .doneList], list: list, text)
                + "<p>\(Self.escaped(text[.changedMind])) \(anchor(preferences, text[.choose]))</p>\n"
        )
    }

    /// The page if the opt-out could not be recorded.
    func failed(_ text: PageText) -> String {
        page(text, title: text[.failedTitle], body: paragraph(text[.failed]))
    }

    /// The page for whatever is none of ours.
    func unknown(_ text: PageText) -> String {
        page(text, title: text[.unknownTitle], body: paragraph(text[.unknown]))
    }

    /// What a browser may do on these pages: apply the one style sheet, send the one form.
    static let contentSecurityPolicy =
        "default-src 'none'; style-src 'sha256-\(Base64.encode(SHA256.hash(Array(PageStyle.sheet.utf8))))'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    /// A whole page around its body.
    ///
    /// - Parameters:
    ///   - text: The language and its words.
    ///   - title: The page's title and headline.
    ///   - body: The rest, HTML.
    ///   - languages: Whether the page can be had in the other languages by `?lang=`.
    func page(_ text: PageText, title: String, body: String, languages: Bool = false) -> String {
        let site = siteName.isEmpty ? "" : "<header><p>\(Self.escaped(siteName))</p></header>\n"
        let whole = siteName.isEmpty ? title : "\(title) – \(siteName)"
        return """
            <!DOCTYPE html>
            <html lang="\(text.language.rawValue)">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="robots" content="noindex, nofollow">
            <meta name="referrer" content="no-referrer">
            <title>\(Self.escaped(whole))</title>
            <style>\(PageStyle.sheet)</style>
            </head>
            <body>
            \(site)<main>
            <h1>\(Self.escaped(title))</h1>
            \(body)</main>
            \(languages ? footer(text) : "")</body>
            </html>

            """
    }

    private func footer(_ text: PageText) -> String {
        let links = PageLanguage.allCases.filter { $0 != text.language }.map { other in
            "<a href=\"?lang=\(other.rawValue)\" lang=\"\(other.rawValue)\" hreflang=\"\(other.rawValue)\">\(other.name)</a>"
        }
        return
            "<footer><nav aria-label=\"\(Self.escaped(text[.languages]))\">\(links.joined(separator: " "))</nav></footer>\n"
    }

    func paragraph(_ text: String) -> String {
        "<p>\(Self.escaped(text))</p>\n"
    }

    private func paragraph(_ sentence: String, list: String, _ text: PageText) -> String {
        guard !list.isEmpty else { return paragraph(sentence) }
        return paragraph(sentence) + "<p><strong>\(Self.escaped(title(of: .list(list), text)))</strong></p>\n"
    }

    private func link(_ address: String, _ label: String) -> String {
        "<p>\(anchor(address, label))</p>\n"
    }

    private func anchor(_ address: String, _ label: String) -> String {
        "<a href=\"\(Self.escaped(address))\">\(Self.escaped(label))</a>"
    }

    /// What a scope is called on a page.
    func title(of scope: SuppressionScope, _ text: PageText) -> String {
        if scope == .all { return text[.allMail] }
        let known = lists.first { $0.scope == scope } ?? OfferedList(scope: scope, titles: [:])
        return known.title(text.language)
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}

/// The pages' one style sheet; they read well without it.
enum PageStyle {
    /// Light and dark; every pair of colours has a contrast of 7 to 1 or more, focus rings and borders 3 to 1 (WCAG 2.2).
    static let sheet =
        ":root{color-scheme:light dark}"
        + "body{margin:0 auto;max-width:34rem;padding:1.5rem 1rem;font:1.125rem/1.5 system-ui,sans-serif;"
        + "background:#ffffff;color:#1a1a1a;overflow-wrap:break-word}"
        + "header p{margin:0;color:#555555}h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0 1rem}"
        + ".trap{position:absolute;left:-100vw}.problem{font-weight:600;border-left:.375rem solid #a4000f;padding-left:.75rem}"
        + "input[type=email]{flex:auto;box-sizing:border-box;width:100%;height:3rem;padding:0 .75rem;font:inherit;"
        + "border:1px solid #767676;border-radius:.5rem}"
        + "input[aria-invalid]{border:2px solid #a4000f}"
        + "a{color:#0b57a4}nav a,main a{display:inline-block;padding:.25rem 0}"
        + "fieldset{margin:0 0 1.25rem;padding:.5rem 1rem 1rem;border:1px solid #767676;border-radius:.5rem;min-width:0}"
        + "legend{font-weight:600;padding:0 .25rem}"
        + "label{display:flex;gap:.75rem;align-items:center;min-height:2.75rem}"
        + "input{flex:none;width:1.25rem;height:1.25rem;margin:0}"
        + "button{font:inherit;font-weight:600;min-height:3rem;padding:.5rem 1.5rem;border:2px solid #0b57a4;"
        + "border-radius:.5rem;background:#0b57a4;color:#ffffff;cursor:pointer}"
        + ":focus-visible{outline:3px solid #1a1a1a;outline-offset:3px}"
        + "footer{margin-top:2rem;padding-top:1rem;border-top:1px solid #767676}"
        + "@media(prefers-color-scheme:dark){body{background:#161616;color:#eeeeee}header p{color:#aaaaaa}"
        + "a{color:#8ec5ff}fieldset,footer{border-color:#8a8a8a}.problem,input[aria-invalid]{border-color:#ff8a80}"
        + "button{background:#8ec5ff;border-color:#8ec5ff;color:#10243a}:focus-visible{outline-color:#eeeeee}}"
}
