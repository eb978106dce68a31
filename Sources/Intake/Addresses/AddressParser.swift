public import Core

/// Reads addresses with internationalised domains.
public enum AddressParser {
    /// Reads a cell; nothing is repaired, so a space before or after the address is refused like one inside.
    public static func parse(_ bytes: ArraySlice<UInt8>) throws(Address.Refused) -> Address {
        try parse(String(decoding: bytes, as: UTF8.self))
    }

    /// Reads a text.
    public static func parse(_ text: String) throws(Address.Refused) -> Address {
        try Address(parsing: text, toASCII: { _ in nil })
    }
}
