import Core
import Intake
import Records

/// The addresses that lists take.
enum SubscriberAddress {
    /// Reads an address; `nil` if it is none, or would not stand in a table as it is.
    static func read(_ text: String) -> Address? {
        guard SubscriberFile.isFit(text), let address = try? AddressParser.parse(text) else { return nil }
        return address
    }
}
