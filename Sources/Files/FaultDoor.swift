#if DEBUG || FAULT_DOOR
    internal import Glibc
    internal import Synchronization
#endif

#if DEBUG || FAULT_DOOR
    /// Where tests make calls on files fail, below a path of their own; what is released has neither the door nor a look at it.
    public final class FaultDoor: Sendable {
        /// Says with which `errno` a call fails, if it does: what is asked, and of which file, by its path.
        public typealias Fault = @Sendable (FileError.Operation, String) -> Int32?

        private static let open: Mutex<[FaultDoor]> = Mutex([])
        private static let count = Atomic<Int>(0)
        private let path: String
        private let fault: Fault

        /// Opens the door for files below a path, until ``close()``.
        public init(below path: String, _ fault: @escaping Fault) {
            self.path = path + "/"
            self.fault = fault
            Self.open.withLock { $0.append(self) }
            Self.count.add(1, ordering: .releasing)
        }

        /// Closes the door.
        public func close() {
            Self.open.withLock { doors in doors.removeAll { $0 === self } }
            Self.count.subtract(1, ordering: .releasing)
        }

        /// Throws what a test wants thrown.
        static func ask(
            _ operation: FileError.Operation,
            _ descriptor: Int32,
            _ name: String = "",
            as shown: String
        ) throws(FileError) {
            guard count.load(ordering: .acquiring) > 0 else { return }
            var buffer = [CChar](repeating: 0, count: 4_096)
            let length = unsafe readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
            guard length > 0 else { return }
            var path = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if !name.isEmpty { path += "/" + name }
            let doors = open.withLock { $0 }
            for door in doors where path.hasPrefix(door.path) {
                if let code = door.fault(operation, String(path.dropFirst(door.path.count))) {
                    throw FileError(operation, shown, code: code)
                }
            }
        }
    }
#else
    enum FaultDoor {
        @inline(__always)
        static func ask(
            _ operation: FileError.Operation,
            _ descriptor: Int32,
            _ name: String = "",
            as shown: @autoclosure () -> String
        ) throws(FileError) {}
    }
#endif
