internal import Core

/// Text as forms and queries carry it, `application/x-www-form-urlencoded` (URL Standard, section 5): `+` for a space, `%` and two digits
/// for a byte.
package enum FormText {
    /// The text; `nil` if it is no UTF-8 or a `%` has no two hexadecimal digits behind it.
    package static func decoded(_ text: some Collection<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard rest.count >= 2, let code = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)) else {
                    return nil
                }
                bytes += code
                rest = rest.dropFirst(2)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
