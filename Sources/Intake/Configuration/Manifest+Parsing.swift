public import Core
extension Manifest {
    /// Reads the file, and reports all its problems at once.
    public static func parse(bytes: [UInt8], file: String = fileName) throws(Diagnostics) -> Manifest {
        throw Diagnostics([])
    }
}
