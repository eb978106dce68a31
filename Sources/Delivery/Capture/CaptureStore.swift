import Glibc
import NIOCore
import Synchronization

/// Why a capture server cannot store a message, or cannot start.
public struct CaptureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence; no byte of a message.
    public let description: String

    init(_ operation: String, _ path: String, _ code: Int32 = errno) {
        description = "cannot \(operation) \(path): \(unsafe String(cString: strerror(code)))"
    }
}

/// Files messages the way a Maildir does: written under `tmp`, then linked into `new` under a number of their own.
final class CaptureStore: Sendable {
    private let folder: OwnedDescriptor?
    private let log: OwnedDescriptor?
    private let syncs: Bool
    private let count: Mutex<Int>

    /// Whether messages' bytes are wanted at all.
    var isDiscarding: Bool {
        folder == nil && log == nil
    }

    init(_ options: CaptureOptions) throws(CaptureError) {
        syncs = options.syncs
        switch options.store {
        case .discard:
            folder = nil
            count = Mutex(0)
        case .folder(let path):
            for directory in [path, "\(path)/tmp", "\(path)/new", "\(path)/cur"]
            where unsafe mkdir(directory, 0o700) != 0 && errno != EEXIST {
                throw CaptureError("make the directory", directory)
            }
            folder = try OwnedDescriptor(path, O_DIRECTORY | O_RDONLY)
            count = Mutex(0)
        }
        log = try options.log.map { path throws(CaptureError) in
            try OwnedDescriptor(path, O_WRONLY | O_APPEND | O_CREAT)
        }
    }

    /// Writes the message and its lines of the log.
    func store(_ message: CapturedMessage) throws(CaptureError) {
        if let folder {
            try store(message, in: folder)
        }
        if let log {
            let tail = "\t\(message.bytes.count)\t\(message.messageID ?? "")\n"
            let lines = message.recipients.map { Self.oneLine($0) + tail }.joined()
            // One call, so that a line is there whole or not at all.
            guard log.write(Array(lines.utf8)) else { throw CaptureError("write", "the log") }
        }
    }

    private func store(_ message: CapturedMessage, in folder: OwnedDescriptor) throws(CaptureError) {
        var bytes = Array("Return-Path: <\(Self.oneLine(message.sender))>\r\n".utf8)
        for recipient in message.recipients {
            let recipient = Self.oneLine(recipient)
            bytes += Array("X-Original-To: \(recipient)\r\nDelivered-To: \(recipient)\r\n".utf8)
        }
        bytes += message.bytes
        while true {
            let number = count.withLock { count in
                count += 1
                return count
            }
            let digits = String(number)
            let name = String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".eml"
            // A file left by an earlier server keeps its number, and so does one that another server is writing.
            guard unsafe faccessat(folder.raw, "new/\(name)", F_OK, 0) != 0 else { continue }
            guard let file = try OwnedDescriptor(new: "tmp/\(name)", in: folder) else { continue }
            defer { unsafe unlinkat(folder.raw, "tmp/\(name)", 0) }
            guard file.write(bytes), !syncs || fsync(file.raw) == 0 else { throw CaptureError("write", name) }
            if unsafe linkat(folder.raw, "tmp/\(name)", folder.raw, "new/\(name)", 0) == 0 { return }
            guard errno == EEXIST else { throw CaptureError("store", name) }
        }
    }

    /// An address without what would end a header or a line of the log.
    private static func oneLine(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
    }
}

/// An open file, closed when its owner goes.
private final class OwnedDescriptor: Sendable {
    let raw: Int32

    init(_ path: String, _ flags: Int32) throws(CaptureError) {
        raw = unsafe open(path, flags | O_CLOEXEC, 0o600)
        guard raw >= 0 else { throw CaptureError("open", path) }
    }

    /// A new file, readable by its owner alone; `nil` if there is one of that name.
    init?(new name: String, in folder: OwnedDescriptor) throws(CaptureError) {
        raw = unsafe openat(folder.raw, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard raw >= 0 else {
            if errno == EEXIST { return nil }
            throw CaptureError("create", name)
        }
    }

    deinit {
        if raw >= 0 { close(raw) }
    }

    /// Writes all of it.
    func write(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { bytes in
            var rest = unsafe bytes[...]
            while unsafe !rest.isEmpty {
                let count = unsafe Glibc.write(raw, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                unsafe rest = unsafe rest.dropFirst(count)
            }
            return true
        }
    }
}
