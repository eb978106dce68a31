/// A file as it goes out, read by whoever may read files.
public struct AttachmentContent: Sendable {
    /// The file's bytes.
    public let bytes: [UInt8]

    /// Wraps a file's bytes.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }
}

/// Writes the header fields and the body of a part that is a file.
enum FilePart {
    /// Appends an attachment under its shown name.
    ///
    /// Readers that do not know RFC 2231 find an ASCII form of the name in the Content-Type.
    static func append(_ content: AttachmentContent, name: [UInt8], to output: inout [UInt8]) {
        appendType(MediaType(of: content.bytes, fileName: String(decoding: name, as: UTF8.self)), name, to: &output)
        output.append(contentsOf: "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment".utf8)
        ParameterWriter.append("filename", name, to: &output)
        output.append(contentsOf: "\r\n\r\n".utf8)
        Base64Lines.append(content.bytes, to: &output)
    }

    /// Appends an image that the HTML shows.
    static func append(inline image: InlineImage, contentID: String, to output: inout [UInt8]) {
        let name = FileName.shown(Array(image.name.utf8)[...])
        appendType(MediaType(of: image.bytes, fileName: image.name), name, to: &output)
        output.append(contentsOf: "Content-Transfer-Encoding: base64\r\nContent-ID: <".utf8)
        output.append(contentsOf: contentID.utf8)
        output.append(contentsOf: ">\r\nContent-Disposition: inline".utf8)
        ParameterWriter.append("filename", name, to: &output)
        output.append(contentsOf: "\r\n\r\n".utf8)
        Base64Lines.append(image.bytes, to: &output)
    }

    private static func appendType(_ type: MediaType, _ name: [UInt8], to output: inout [UInt8]) {
        output.append(contentsOf: "Content-Type: ".utf8)
        output.append(contentsOf: type.description.utf8)
        ParameterWriter.append("name", FileName.ascii(name), to: &output)
        output.append(contentsOf: "\r\n".utf8)
    }
}

/// The names under which people see files.
enum FileName {
    /// The longest name that common file systems take.
    static let limit = 255

    /// A rendered name as it may be shown: the characters that no file system or some do not take become `_`, white
    /// space and dots at its ends go.
    static func shown(_ name: ArraySlice<UInt8>) -> [UInt8] {
        var shown = Array(HeaderWriter.trimmed(name))
        while let last = shown.last, last == 0x2E || last == 0x20 {
            shown.removeLast()
        }
        for index in shown.indices {
            switch shown[index] {
            case 0x22, 0x2A, 0x2F, 0x3A, 0x3C, 0x3E, 0x3F, 0x5C, 0x7C, 0x00..<0x20, 0x7F: shown[index] = 0x5F
            default: continue
            }
        }
        return shown
    }

    /// The part of a path behind its last slash.
    static func last(of path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        path.lastIndex(of: 0x2F).map { path[($0 + 1)...] } ?? path
    }

    /// A name with every other character than ASCII as `_`.
    static func ascii(_ name: [UInt8]) -> [UInt8] {
        guard !ByteScan.isASCII(name, 0..<name.count) else { return name }
        var text: [UInt8] = []
        for byte in name where byte & 0xC0 != 0x80 {
            text.append(byte < 0x80 ? byte : 0x5F)
        }
        return text
    }
}
