import Files
import Glibc

/// The folder `WARDPOST_FUZZ_FILES`, for what can only be read from a file.
enum Scratch {
    static let path: String = {
        guard let path = unsafe getenv("WARDPOST_FUZZ_FILES").map({ unsafe String(cString: $0) }) else {
            fatalError("WARDPOST_FUZZ_FILES must name a folder")
        }
        return path
    }()

    static let directory = needed { try Directory(path: path) }

    /// A new folder in it.
    static func folder(_ name: String) -> Directory {
        needed {
            if try directory.status(of: name) == nil { try directory.makeDirectory(name) }
            return try directory.open(subdirectory: name)
        }
    }

    /// Replaces the file of one name by these bytes.
    static func write(_ bytes: [UInt8], _ name: String) {
        needed {
            try? directory.remove(name)
            try directory.createWritable(name).write(bytes)
        }
    }
}

/// What must work for anything to be tried.
func needed<Value>(_ body: () throws -> Value) -> Value {
    do {
        return try body()
    } catch {
        fatalError("cannot prepare: \(error)")
    }
}
