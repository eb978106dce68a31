internal import CLibMaxMindDB
internal import Core
internal import Glibc
internal import Synchronization

/// Says where addresses are, from a MaxMind DB file such as GeoLite2-City.
///
/// The file is mapped, not read. A file that takes its place - by renaming, as `geoipupdate` does - is opened within ten
/// seconds of the next question; while that fails, the old one answers.
public final class PlaceDatabase: Sendable {
    /// Why a file cannot be used.
    public struct Refused: Error, Hashable, Sendable, CustomStringConvertible {
        /// For a person.
        public let description: String
        /// Whether the file itself is to blame: it is not tried again until it is another.
        let isForGood: Bool
    }

    /// Which file was opened.
    private struct Identity: Equatable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var seconds: Int64
        var nanoseconds: Int64

        init?(_ path: String) {
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            seconds = Int64(status.st_mtim.tv_sec)
            nanoseconds = Int64(status.st_mtim.tv_nsec)
        }
    }

    private struct State {
        var file: PlaceFile
        var identity: Identity?
        /// The file that was no database; trying it again would cost what the library leaks (maxmind/libmaxminddb pull request 356).
        var broken: Identity?
        var checked: ContinuousClock.Instant
    }

    private static let rest = Duration.seconds(10)

    private let path: String
    private let rest: Duration
    private let state: Mutex<State>

    /// Opens a file.
    public convenience init(path: String) throws(Refused) {
        try self.init(path: path, rest: Self.rest)
    }

    /// Opens a file that is looked at again after `rest`.
    init(path: String, rest: Duration) throws(Refused) {
        self.path = path
        self.rest = rest
        let identity = Identity(path)
        state = Mutex(State(file: try PlaceFile(path), identity: identity, checked: .now))
    }

    /// Where an address is; `nil` if the file does not know its country.
    public func place(of address: ClientAddress) -> VisitorPlace? {
        current().place(of: address)
    }

    /// The file that answers; whoever has it keeps it open, whatever takes its place.
    private func current() -> PlaceFile {
        state.withLock { state in
            let now = ContinuousClock.now
            guard now - state.checked >= rest else { return state.file }
            state.checked = now
            guard let identity = Identity(path), identity != state.identity, identity != state.broken else {
                return state.file
            }
            do throws(Refused) {
                state.file = try PlaceFile(path)
                state.identity = identity
            } catch {
                if error.isForGood { state.broken = identity }
            }
            return state.file
        }
    }
}

/// A MaxMind DB file that is mapped into memory.
private final class PlaceFile: Sendable {
    /// Written by nobody once it is open; the library's lookups are free of shared state.
    private let database: MappedDatabase

    init(_ path: String) throws(PlaceDatabase.Refused) {
        database = try MappedDatabase(path)
    }

    func place(of address: ClientAddress) -> VisitorPlace? {
        guard var entry = unsafe database.entry(of: address) else { return nil }
        let country =
            unsafe Self.text(&entry, "country", "iso_code") ?? Self.text(&entry, "registered_country", "iso_code")
        guard let country else { return nil }
        return VisitorPlace(
            country: country,
            region: unsafe Self.text(&entry, "subdivisions", "0", "names", "en") ?? "",
            city: unsafe Self.text(&entry, "city", "names", "en") ?? ""
        )
    }

    /// The most that is taken of a name.
    private static let longest = 100

    private static func text(
        _ entry: inout MMDB_entry_s,
        _ first: String,
        _ second: String,
        _ third: String? = nil,
        _ fourth: String? = nil
    ) -> String? {
        var size: UInt32 = 0
        guard let start = unsafe wardpost_mmdb_text(&entry, first, second, third, fourth, &size) else { return nil }
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(size))
        let text = unsafe String(decoding: bytes.prefix(Self.longest), as: UTF8.self)
        let kept = String(text.unicodeScalars.filter { HeaderValue.allows($0) })
        return kept.isEmpty ? nil : kept
    }
}

/// The library's handle.
///
/// `@unchecked Sendable`: it is written by `MMDB_open` in the initialiser and by `MMDB_close` in the deinitialiser, and read only
/// in between; `MMDB_lookup_sockaddr` and `MMDB_get_value` take it as constant.
@safe private final class MappedDatabase: @unchecked Sendable {
    private let handle: UnsafeMutablePointer<MMDB_s>

    init(_ path: String) throws(PlaceDatabase.Refused) {
        let handle = UnsafeMutablePointer<MMDB_s>.allocate(capacity: 1)
        unsafe handle.initialize(to: MMDB_s())
        let status = unsafe MMDB_open(path, UInt32(MMDB_MODE_MMAP), handle)
        guard status == MMDB_SUCCESS else {
            unsafe handle.deallocate()
            let cause = unsafe String(cString: MMDB_strerror(status))
            throw PlaceDatabase.Refused(
                description: "\(path) cannot be used as a MaxMind DB file: \(cause)",
                isForGood: ![MMDB_FILE_OPEN_ERROR, MMDB_IO_ERROR, MMDB_OUT_OF_MEMORY_ERROR].contains(status)
            )
        }
        // Not before: a deinitialiser runs also for what was given up half made.
        unsafe self.handle = handle
    }

    deinit {
        unsafe MMDB_close(handle)
        unsafe handle.deallocate()
    }

    func entry(of address: ClientAddress) -> MMDB_entry_s? {
        var entry = unsafe MMDB_entry_s()
        let bytes = address.bytes
        guard unsafe wardpost_mmdb_find(handle, bytes, Int32(bytes.count), &entry) else { return nil }
        return unsafe entry
    }
}
