internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

extension Response {
    /// What every answer says: keep nothing, tell nobody where this came from, guess no types, come back over TLS only.
    private static let common: HTTPFields = {
        var fields = HTTPFields()
        fields[.cacheControl] = "no-store, no-cache, private, max-age=0"
        fields[named("Referrer-Policy")] = "no-referrer"
        fields[.xContentTypeOptions] = "nosniff"
        fields[.strictTransportSecurity] = "max-age=31536000"
        fields[named("X-Robots-Tag")] = "noindex, nofollow"
        return fields
    }()

    /// A transparent picture of one point.
    static let pixel: Response = {
        var fields = common
        fields[.contentType] = "image/gif"
        // Webmail shows pictures of other sites; a browser may ask them to agree.
        fields[named("Cross-Origin-Resource-Policy")] = "cross-origin"
        return Response(status: .ok, headers: fields, body: .init(byteBuffer: ByteBuffer(bytes: gif)))
    }()

    /// 302 to a link of the message.
    static func redirect(to target: [UInt8]) -> Response {
        var fields = common
        fields[.location] = String(decoding: target, as: UTF8.self)
        fields[.contentSecurityPolicy] = "default-src 'none'"
        return Response(status: .found, headers: fields, body: .init(byteBuffer: ByteBuffer()))
    }

    static func page(_ status: HTTPResponse.Status, _ html: String) -> Response {
        var fields = common
        fields[.contentType] = "text/html; charset=utf-8"
        fields[.contentSecurityPolicy] = Pages.contentSecurityPolicy
        fields[named("Vary")] = "Accept-Language"
        if status == .serviceUnavailable { fields[.retryAfter] = "300" }
        return Response(status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(string: html)))
    }

    static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        var fields = common
        fields[.contentType] = "text/plain; charset=utf-8"
        fields[.contentSecurityPolicy] = "default-src 'none'"
        return Response(status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    private static func named(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("a constant is no field name") }
        return name
    }

    /// GIF89a, 1×1, its one colour transparent: 43 bytes.
    private static let gif: [UInt8] = [
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00,
        0xFF, 0xFF, 0xFF, 0x21, 0xF9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2C, 0x00, 0x00, 0x00, 0x00,
        0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3B,
    ]
}
