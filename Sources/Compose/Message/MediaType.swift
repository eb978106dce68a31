/// What a file is, by its first bytes, then by its name.
///
/// A type that its bytes prove is never taken from the name: a file called `.pdf` that is none goes out as bytes.
public struct MediaType: Hashable, Sendable, CustomStringConvertible {
    /// `type/subtype`.
    public let name: String
    /// Whether it is text in UTF-8, which its `charset` then says.
    public let isText: Bool

    init(_ name: String, isText: Bool = false) {
        self.name = name
        self.isText = isText
    }

    /// Bytes of no known kind.
    public static let unknown = MediaType("application/octet-stream")

    /// Finds the type of a file; of its name only the extension counts.
    public init(of bytes: [UInt8], fileName: String) {
        let fileExtension = Self.fileExtension(fileName)
        if let found = Self.byContent(bytes, fileExtension) {
            self = found
        } else if !bytes.isEmpty, Self.isText(bytes) {
            let name = Self.textTypes[fileExtension] ?? "text/plain"
            self = MediaType(name, isText: name.hasPrefix("text/"))
        } else {
            self = Self.byExtension[fileExtension].map { MediaType($0) } ?? .unknown
        }
    }

    /// `type/subtype`, and the charset of text.
    public var description: String {
        isText ? "\(name); charset=utf-8" : name
    }

    private static func byContent(_ bytes: [UInt8], _ fileExtension: String) -> MediaType? {
        for (signature, offset, name) in signatures
        where bytes.count >= offset + signature.count && bytes[offset...].starts(with: signature) {
            return MediaType(name)
        }
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            return MediaType(zipTypes[fileExtension] ?? "application/zip")
        }
        if bytes.starts(with: [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
            return MediaType(compoundTypes[fileExtension] ?? "application/octet-stream")
        }
        if fileExtension == "pdf", bytes.prefix(1_024).contains("%PDF-".utf8) {
            // Readers take a PDF with something in front of it, as some scanners write it.
            return MediaType("application/pdf")
        }
        if bytes.starts(with: Array("RIFF".utf8)), bytes.count >= 12 {
            switch String(decoding: bytes[8..<12], as: UTF8.self) {
            case "WEBP": return MediaType("image/webp")
            case "WAVE": return MediaType("audio/wav")
            default: return nil
            }
        }
        return nil
    }

    /// What must stand at which offset.
    private static let signatures: [(signature: [UInt8], offset: Int, name: String)] = [
        (Array("%PDF-".utf8), 0, "application/pdf"),
        ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], 0, "image/png"),
        ([0xFF, 0xD8, 0xFF], 0, "image/jpeg"),
        (Array("GIF87a".utf8), 0, "image/gif"),
        (Array("GIF89a".utf8), 0, "image/gif"),
        (Array("DICM".utf8), 128, "application/dicom"),
        ([0x49, 0x49, 0x2A, 0x00], 0, "image/tiff"),
        ([0x4D, 0x4D, 0x00, 0x2A], 0, "image/tiff"),
        ([0x1F, 0x8B, 0x08], 0, "application/gzip"),
        (Array("{\\rtf".utf8), 0, "application/rtf"),
        (Array("ftypheic".utf8), 4, "image/heic"),
        (Array("ftypM4A ".utf8), 4, "audio/mp4"),
        (Array("ftyp".utf8), 4, "video/mp4"),
    ]

    /// A ZIP archive may be a document; its name says which.
    private static let zipTypes: [String: String] = [
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt": "application/vnd.oasis.opendocument.text",
        "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "odp": "application/vnd.oasis.opendocument.presentation",
        "epub": "application/epub+zip",
    ]

    /// The same for the container of older office files.
    private static let compoundTypes: [String: String] = [
        "doc": "application/msword",
        "xls": "application/vnd.ms-excel",
        "ppt": "application/vnd.ms-powerpoint",
        "msg": "application/vnd.ms-outlook",
    ]

    private static let textTypes: [String: String] = [
        "csv": "text/csv",
        "html": "text/html", "htm": "text/html",
        "ics": "text/calendar",
        "vcf": "text/vcard",
        "xml": "text/xml",
        "md": "text/markdown",
        "json": "application/json",
    ]

    /// Kinds that have no signature of their own.
    private static let byExtension: [String: String] = [
        "mp3": "audio/mpeg",
        "hl7": "application/octet-stream",
        "p7m": "application/pkcs7-mime",
        "p7s": "application/pkcs7-signature",
    ]

    private static func fileExtension(_ fileName: String) -> String {
        guard let dot = fileName.utf8.lastIndex(of: UInt8(ascii: ".")) else { return "" }
        return fileName[fileName.index(after: dot)...].lowercased()
    }

    /// Whether the bytes are UTF-8 without control characters that no text has.
    private static func isText(_ bytes: [UInt8]) -> Bool {
        for byte in bytes {
            switch byte {
            case 0x09, 0x0A, 0x0C, 0x0D: continue
            case 0x00..<0x20, 0x7F: return false
            default: continue
            }
        }
        return (try? UTF8Span(validating: bytes.span)) != nil
    }
}
