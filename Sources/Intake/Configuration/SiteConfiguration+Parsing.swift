public import Core
extension SiteConfiguration {
    /// Reads the file, and reports all its problems at once.
    public static func parse(bytes: [UInt8], file: String = fileName) throws(Diagnostics) -> SiteConfiguration {
        throw Diagnostics([])
    }
}
