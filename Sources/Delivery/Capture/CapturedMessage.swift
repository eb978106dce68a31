import NIOCore

/// A message that a ``CaptureServer`` took.
public struct CapturedMessage: Sendable {
    /// The envelope's sender; empty for a bounce.
    public let sender: String
    /// The envelope's recipients that were accepted.
    public let recipients: [String]
    /// The message as it came, dots unstuffed.
    public let bytes: [UInt8]
    /// The parameters of MAIL, as they came.
    public let parameters: [String]

    /// The Message-ID without angle brackets; `nil` if the header has none.
    public var messageID: String? {
        Self.messageID(in: bytes)
    }

    static func messageID(in bytes: [UInt8]) -> String? {
        let name = Array("message-id:".utf8)
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            let line = bytes[start..<end]
            // The empty line ends the header.
            guard line.count > 1 else { return nil }
            if line.count > name.count, zip(line, name).allSatisfy({ $0 | 0x20 == $1 || $0 == $1 }) {
                let value = line.dropFirst(name.count).drop { $0 == 0x20 || $0 == UInt8(ascii: "<") }
                return String(decoding: value.prefix { $0 > 0x20 && $0 != UInt8(ascii: ">") }, as: UTF8.self)
            }
            start = end + 1
        }
        return nil
    }
}

extension CapturedMessage: CustomStringConvertible, CustomReflectable {
    /// The size only: what was captured may be anyone's mail.
    public var description: String {
        "a message of \(bytes.count) bytes"
    }

    /// A mirror without children.
    public var customMirror: Mirror {
        Mirror(self, children: EmptyCollection<Mirror.Child>())
    }
}
