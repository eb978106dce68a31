/// Which Wardpost this is.
public enum Version {
    /// By semver.org; the changelog says what each brought.
    public static let current = "0.1.0"
}
