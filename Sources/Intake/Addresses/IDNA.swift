import CLibIDN2
import Core

/// Internationalised domain names (RFC 5891) through libidn2, which keeps no state and may be called on any thread.
enum IDNA {
    /// A domain's A-labels in lower case; `nil` if it has no ASCII form, or only one that means other characters.
    ///
    /// libidn2 maps before it encodes (UTS 46): full-width letters become narrow, invisible ones vanish. That would make
    /// one mailbox out of another, so a name is taken only if its A-labels lead back to what was written; upper case
    /// and composed or decomposed forms aside, which mean the same.
    static func toASCII(_ domain: String) -> String? {
        guard !domain.utf8.contains(0) else { return nil }
        let flags = CInt(bitPattern: IDN2_NONTRANSITIONAL.rawValue | IDN2_NFC_INPUT.rawValue)
        var output: UnsafeMutablePointer<CChar>?
        guard unsafe idn2_to_ascii_8z(domain, &output, flags) == IDN2_OK.rawValue, let ascii = unsafe output else {
            return nil
        }
        defer { unsafe idn2_free(ascii) }
        let text = unsafe String(cString: ascii).lowercased()
        guard let back = toUnicode(text), back == domain.lowercased() || text == domain.lowercased(),
            encodesEveryLabel(of: domain, as: text)
        else { return nil }
        return text
    }

    /// Whether the labels that begin with `xn--` are true A-labels.
    static func hasGoodALabels(_ domain: String) -> Bool {
        toASCII(domain) == domain.lowercased()
    }

    /// Whether every label beyond ASCII became an A-label; the Kelvin sign, say, would become a plain `k`.
    private static func encodesEveryLabel(of domain: String, as ascii: String) -> Bool {
        let written = domain.split(separator: ".", omittingEmptySubsequences: false)
        let encoded = ascii.split(separator: ".", omittingEmptySubsequences: false)
        return written.count == encoded.count
            && zip(written, encoded).allSatisfy { label, ascii in
                ascii.hasPrefix("xn--") || label.utf8.allSatisfy { $0 < 0x80 }
            }
    }

    private static func toUnicode(_ domain: String) -> String? {
        var output: UnsafeMutablePointer<CChar>?
        guard unsafe idn2_to_unicode_8z8z(domain, &output, 0) == IDN2_OK.rawValue, let text = unsafe output else {
            return nil
        }
        defer { unsafe idn2_free(text) }
        return unsafe String(cString: text)
    }
}
