/// What a file of a job is for; decides how large it may be.
public enum FileKind: String, CaseIterable, Sendable {
    /// `manifest.yaml`.
    case manifest
    /// The recipient table.
    case recipients
    /// A template or partial.
    case template
    /// An attachment or inline image.
    case attachment
    /// `SHA256SUMS`.
    case checksums
    /// A holidays file.
    case holidays

    /// The most bytes that such a file may have, checked before one of them is read.
    public var limit: Int64 {
        switch self {
        case .manifest: 1 << 20
        case .recipients: 4 << 30
        case .template: 4 << 20
        case .attachment: 32 << 20
        case .checksums: 256 << 20
        case .holidays: 1 << 20
        }
    }
}
