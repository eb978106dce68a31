public import Core
internal import YAML

extension SiteConfiguration {
    /// What is kept of those who open and click, and how programs among them are found.
    public struct Visitors: Hashable, Sendable {
        /// What is kept of their addresses.
        public var addresses = AddressKeeping.nothing
        /// A MaxMind DB file that says where addresses are: relative to the site, or absolute; `nil` if places are not looked up.
        public var places: Placed<String>?
        /// A file with rules that tell programs from people, instead of those that are compiled in.
        public var rules: Placed<String>?

        /// Nothing is kept, and the rules are those that are compiled in.
        public init() {}

        static let keys = ["addresses", "places", "rules"]

        init(reading fields: MappingReader) {
            if let addresses: Placed<AddressKeeping> = fields.choice("addresses") { self.addresses = addresses.value }
            places = fields.fileName("places", rules: .site)
            rules = fields.fileName("rules", rules: .site)
        }
    }
}
