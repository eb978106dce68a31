import Core
import OpenSSL

/// The few pages that recipients see: plain HTML that works without script, cookie, picture or anything from elsewhere.
struct Pages: Sendable {
    /// Whose messages these are; may be empty.
    let siteName: String

    /// The page with the button.
    func ask(list: String, _ text: PageText) -> String {
        page(
            text,
            title: text.unsubscribe,
            body: paragraph(list.isEmpty ? text.askAll : text.askList, list: list)
                // Without `action`, the form goes to the page's own address, which is the token's.
                + #"<form method="post"><button type="submit" name="confirm" value="yes">"#
                + Self.escaped(text.button) + "</button></form>"
        )
    }

    /// The page after the opt-out is on record.
    func done(list: String, _ text: PageText) -> String {
        page(text, title: text.doneTitle, body: paragraph(list.isEmpty ? text.doneAll : text.doneList, list: list))
    }

    /// The page if the opt-out could not be recorded.
    func failed(_ text: PageText) -> String {
        page(text, title: text.failedTitle, body: paragraph(text.failed))
    }

    /// The page for whatever is none of ours.
    func unknown(_ text: PageText) -> String {
        page(text, title: text.unknownTitle, body: paragraph(text.unknown))
    }

    /// What a browser may do on these pages: apply the one style sheet, send the one form.
    static let contentSecurityPolicy =
        "default-src 'none'; style-src 'sha256-\(Base64.encode(SHA256.hash(Array(style.utf8))))'; form-action 'self'; "
        + "base-uri 'none'; frame-ancestors 'none'"

    private func page(_ text: PageText, title: String, body: String) -> String {
        let site = siteName.isEmpty ? "" : "<p class=\"site\">\(Self.escaped(siteName))</p>"
        return """
            <!DOCTYPE html>
            <html lang="\(text.language)">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="robots" content="noindex, nofollow">
            <title>\(Self.escaped(title))</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <main>
            \(site)
            <h1>\(Self.escaped(title))</h1>
            \(body)
            </main>
            </body>
            </html>

            """
    }

    private func paragraph(_ text: String, list: String = "") -> String {
        "<p>\(Self.escaped(text))</p>" + (list.isEmpty ? "" : "<p><strong>\(Self.escaped(list))</strong></p>")
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

    private static let style =
        ":root{color-scheme:light dark}"
        + "body{margin:0;padding:2rem 1rem;font:1.125rem/1.5 system-ui,sans-serif;background:#fff;color:#1a1a1a}"
        + "main{max-width:32rem;margin:0 auto}h1{font-size:1.5rem;line-height:1.25}"
        + ".site{color:#555;margin:0}"
        + "button{font:inherit;font-weight:600;min-height:3rem;padding:.5rem 1.5rem;border:2px solid #0b57a4;"
        + "border-radius:.5rem;background:#0b57a4;color:#fff;cursor:pointer}"
        + "button:focus-visible{outline:3px solid #f2a900;outline-offset:3px}"
        + "@media(prefers-color-scheme:dark){body{background:#161616;color:#eee}.site{color:#aaa}"
        + "button{background:#8ec5ff;border-color:#8ec5ff;color:#10243a}}"
}
