import Foundation

/// A message as Python's parser reads it.
struct Mail: Decodable, Sendable {
    /// A file in a message.
    struct Attachment: Decodable, Sendable {
        var name: String
        var type: String
        var cid: String
        var disposition: String
        var base64: String

        var bytes: Data { Data(base64Encoded: base64) ?? Data() }
    }

    /// An address of To.
    struct Mailbox: Decodable, Hashable, Sendable {
        var name: String
        var address: String
    }

    var file: String
    var headers: [String: [String]]
    var to: [Mailbox]
    var text: String?
    var html: String?
    /// The text of the HTML's elements by their `id`.
    var fields: [String: String]
    var parts: [String]
    var attachments: [Attachment]
    var defects: [String]
    var longest_line: Int
    var eight_bit: Bool

    /// A header's only value; empty if there is none.
    subscript(_ name: String) -> String {
        headers[name.lowercased()]?.first ?? ""
    }

    /// Reads messages: files or Maildirs.
    static func read(_ paths: String...) async throws -> [Mail] {
        let output = try await Program.output(["python3", Places.script("read_mail.py")] + paths)
        return try JSONDecoder().decode([Mail].self, from: Data(output.utf8))
    }

    /// How many messages a Maildir holds.
    static func count(in maildir: String) -> Int {
        ["new", "cur"].reduce(0) { sum, part in
            sum + ((try? FileManager.default.contentsOfDirectory(atPath: "\(maildir)/\(part)").count) ?? 0)
        }
    }
}
