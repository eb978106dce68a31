import Core
import Files

/// A Maildir that a mail server or `fetchmail` fills: what is in `new/` waits, what is in `cur/` was read.
///
/// A mail that became an event gets the flag of what somebody has seen; one that told us nothing does not, so that a person who opens the
/// Maildir with a mail program finds it as unread. None is ever removed.
struct Maildir: Sendable {
    private static let rooms = ["new", "cur"]
    private let directory: Directory

    /// Opens a Maildir; `nil` if the path leads to a directory of another kind.
    init?(path: String) throws(FileError) {
        directory = try Directory(path: path)
        for room in Self.rooms {
            guard try directory.status(of: room)?.kind == .directory else { return nil }
        }
    }

    /// The mails that nobody has read, the oldest first.
    func waiting() throws(FileError) -> [String] {
        // A server's names begin with the time.
        try directory.open(subdirectory: "new").list().filter { !$0.hasPrefix(".") }
    }

    /// A mail as far as it is read; `nil` if it cannot be.
    ///
    /// - Throws: If it may be read another time.
    func read(_ name: String) throws(FileError) -> [UInt8]? {
        try MailFile.read("new/" + name, in: directory)
    }

    /// Puts a mail away, once all that it says is on the disk.
    func putAway(_ mail: ReturnedMail) throws(FileError) {
        let old = "new/" + mail.name
        // What the name had for flags is nothing in `new`.
        let bare = mail.name.split(separator: ":", maxSplits: 1).first.map(String.init) ?? mail.name
        let flags = mail.verdict.isLeftOver ? ":2," : ":2,S"
        var new = "cur/" + bare + flags
        // Names are unique; if one is not, neither mail may go.
        var number = 1
        while try directory.status(of: new) != nil {
            number += 1
            new = "cur/\(bare).\(number)\(flags)"
        }
        do throws(FileError) {
            try directory.rename(old, to: new)
        } catch {
            // Somebody else put it away.
            guard error.isNotFound, try directory.status(of: old) == nil else { throw error }
        }
    }

    /// Makes sure that what was put away stays so.
    func sync() throws(FileError) {
        for room in Self.rooms { try directory.open(subdirectory: room).sync() }
    }
}

/// Files with one mail each.
enum MailFile {
    /// A mail as far as it is read; `nil` if it cannot be.
    ///
    /// - Throws: If it may be read another time.
    static func read(_ name: String, in directory: Directory) throws(FileError) -> [UInt8]? {
        do {
            let file = try directory.openRegular(name)
            return try file.read(at: 0, count: Int(min(try file.status().size, Int64(BounceIntake.mostBytes))))
        } catch  where !error.mayPass {
            return nil
        }
    }
}
