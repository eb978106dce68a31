internal import Web

extension WebAnswer {
    /// What every answer says: keep nothing, tell nobody where this came from, guess no types, show it in nobody's frame,
    /// come back over TLS only.
    private static let common: [(name: String, value: String)] = [
        ("cache-control", "no-store, no-cache, private, max-age=0"), ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"), ("strict-transport-security", "max-age=31536000"),
        ("x-robots-tag", "noindex, nofollow"), ("x-frame-options", "DENY"),
    ]
    private static let nothingAllowed = (
        name: "content-security-policy", value: "default-src 'none'; frame-ancestors 'none'"
    )

    /// A transparent picture of one point.
    static let pixel = WebAnswer(
        200,
        common + [
            ("content-type", "image/gif"), nothingAllowed,
            // Webmail shows pictures of other sites; a browser may ask them to agree.
            ("cross-origin-resource-policy", "cross-origin"),
        ],
        body: gif
    )

    /// 302 to a link of the message.
    static func redirect(to target: [UInt8]) -> WebAnswer {
        WebAnswer(302, common + [nothingAllowed, ("location", String(decoding: target, as: UTF8.self))])
    }

    /// A page for people.
    static func page(_ status: Int, _ html: String) -> WebAnswer {
        var fields = common
        fields.append(("content-type", "text/html; charset=utf-8"))
        fields.append(("content-security-policy", Pages.contentSecurityPolicy))
        fields.append(("vary", "Accept-Language"))
        if status == 503 { fields.append(("retry-after", "300")) }
        if status == 429 { fields.append(("retry-after", "3600")) }
        return WebAnswer(status, fields, body: Array(html.utf8))
    }

    /// A line for programs.
    static func text(_ status: Int, _ text: String) -> WebAnswer {
        WebAnswer(
            status,
            common + [("content-type", "text/plain; charset=utf-8"), nothingAllowed],
            body: Array(text.utf8)
        )
    }

    /// 405, with the methods that would have done.
    static func refused(allowed: String) -> WebAnswer {
        let text = text(405, "method not allowed\n")
        return WebAnswer(405, text.fields + [("allow", allowed)], body: text.body)
    }

    /// GIF89a, 1×1, its one colour transparent: 43 bytes.
    private static let gif: [UInt8] = [
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00,
        0xFF, 0xFF, 0xFF, 0x21, 0xF9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2C, 0x00, 0x00, 0x00, 0x00,
        0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3B,
    ]
}
