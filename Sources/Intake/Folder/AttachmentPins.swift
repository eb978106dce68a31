public import Core
public import Files
internal import OpenSSL
internal import Synchronization

/// The files that rows name: pinned in row order when the job is checked, read and compared when a row is sent.
///
/// Digests stand in a file without a name, 40 bytes for each row and slot, so that memory does not depend on the number of
/// rows. A file that many rows share is read once in a while, not once a row.
public final class AttachmentPins: Sendable {
    private static let recordLength = SHA256.byteCount + 8
    private static let bufferLength = 1 << 16

    private struct Pin: Equatable {
        var digest: [UInt8]
        var size: Int64
    }

    private struct Writing: ~Copyable {
        var buffer: [UInt8] = []
        var record: Int64 = 0
        var hasher = SHA256()
        var digest: [UInt8]?
        var pins = GenerationCache<Pin>(limit: 4_096)
    }

    private let folder: JobFolder
    private let slots: Int
    private let table: Descriptor
    private let excluded: [FileStatus]
    private let writing = Mutex(Writing())
    private let contents: Mutex<GenerationCache<(digest: [UInt8], bytes: [UInt8])>>

    /// Starts with no row pinned.
    ///
    /// - Parameters:
    ///   - folder: The job folder.
    ///   - slots: How many attachments the manifest lists.
    ///   - scratch: A directory of ours for the file without a name.
    ///   - excluded: Files that no row may attach: the manifest, the recipient table.
    ///   - cacheLimit: How many bytes of shared attachments are kept in memory, in each of two halves.
    public init(
        folder: JobFolder,
        slots: Int,
        scratch: Directory,
        excluding excluded: [PinnedFile],
        cacheLimit: Int = 4 << 20
    ) throws(FileError) {
        self.folder = folder
        self.slots = slots
        self.excluded = excluded.map(\.status)
        table = try scratch.createAnonymous()
        contents = Mutex(GenerationCache(limit: cacheLimit))
    }

    // MARK: Pinning

    /// Pins a row's attachment and says how long it is; rows and slots come in ascending order, gaps allowed.
    ///
    /// - Throws: `Diagnostic` if the file cannot be attached, which makes the row invalid; `FileError` if the digests cannot
    ///   be kept, which stops the check.
    public func pin(row: RowNumber, slot: Int, name: String) throws -> Int64 {
        try writing.withLock { (state: inout Writing) throws -> Int64 in
            let pin: Pin
            if let known = state.pins.value(for: name) {
                pin = known
            } else {
                pin = try look(at: name)
                state.pins.insert(pin, for: name, cost: 1)
            }
            let index = record(row, slot)
            precondition(index >= state.record && state.digest == nil, "attachments are pinned in row order")
            try pad(&state, to: index)
            var bytes = pin.digest
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: pin.size >> (8 * shift))) }
            state.buffer += bytes
            state.record += 1
            ContentPin.add(bigEndian: UInt64(row.value), to: &state.hasher)
            ContentPin.add(bigEndian: UInt64(slot), to: &state.hasher)
            state.hasher.update(bytes)
            return pin.size
        }
    }

    /// Ends the pinning; the digest over all of it goes into the job's ``ContentPin``.
    public func finish() throws(FileError) -> [UInt8] {
        try writing.withLock { (state: inout Writing) throws(FileError) -> [UInt8] in
            if let digest = state.digest { return digest }
            try table.write(state.buffer)
            state.buffer = []
            let digest = state.hasher.finalize()
            state.digest = digest
            return digest
        }
    }

    private func look(at name: String) throws -> Pin {
        let file = try open(name)
        do {
            let pinned = try PinnedFile(file)
            return Pin(digest: pinned.digest, size: pinned.size)
        } catch {
            if case .unreadable(let cause) = error, cause.mayPass { throw Self.nameless(cause) }
            throw Diagnostic("\(error)", at: Place(file: Self.place))
        }
    }

    /// The name holds cells.
    private static func nameless(_ error: FileError) -> FileError {
        FileError(error.operation, place, code: error.code)
    }

    /// Opens an attachment.
    ///
    /// The name holds cells, so it stands in no message.
    ///
    /// - Throws: `Diagnostic` if it cannot be attached; `FileError` if that cannot be told now.
    private func open(_ name: String) throws -> Descriptor {
        func refusal(_ problem: String, _ fix: String = "") -> Diagnostic {
            Diagnostic(problem, at: Place(file: Self.place), fix: fix)
        }
        guard name.contains("/") || JobFiles.isContent(name) else {
            throw refusal("a file that steers or reports the job cannot be attached")
        }
        let file: Descriptor
        let status: FileStatus
        do {
            file = try folder.open(name, as: .attachment)
            status = try file.status()
        } catch let error as Diagnostic {
            // What the disk refused for now says nothing about the row.
            if error.mayPass { throw FileError(.open, Self.place, code: 5, explanation: "it cannot be read now") }
            throw refusal(error.problem, error.fix)
        } catch {
            throw refusal("the file cannot be read")
        }
        guard !excluded.contains(where: { $0.isSameFile(as: status) }) else {
            throw refusal("the manifest and the recipient table cannot be attached")
        }
        return file
    }

    private static let place = "attachment"

    private func record(_ row: RowNumber, _ slot: Int) -> Int64 {
        Int64(row.value - 1) * Int64(slots) + Int64(slot)
    }

    private func pad(_ state: inout Writing, to index: Int64) throws(FileError) {
        while state.record < index {
            state.buffer.append(contentsOf: repeatElement(0, count: Self.recordLength))
            state.record += 1
            try flush(&state)
        }
        try flush(&state)
    }

    private func flush(_ state: inout Writing) throws(FileError) {
        guard state.buffer.count >= Self.bufferLength else { return }
        try table.write(state.buffer)
        state.buffer.removeAll(keepingCapacity: true)
    }

    // MARK: Reading

    /// Reads a row's attachment; throws if it is not what was pinned.
    ///
    /// May be called from many threads.
    public func contents(row: RowNumber, slot: Int, name: String) throws(PinError) -> [UInt8] {
        let expected = try pinned(row, slot)
        if let known = contents.withLock({ $0.value(for: name) }), known.digest == expected.digest {
            return known.bytes
        }
        let file: Descriptor
        do {
            file = try open(name)
        } catch let error as FileError {
            throw .unreadable(error)
        } catch {
            throw .changed(name: Self.place)
        }
        let bytes: [UInt8]
        do {
            // One byte beyond the end, so that a file that grew is noticed.
            bytes = try file.read(at: 0, count: Int(expected.size) + 1)
        } catch {
            throw .unreadable(FileError(error.operation, Self.place, code: error.code))
        }
        guard bytes.count == expected.size, SHA256.hash(bytes) == expected.digest else {
            throw .changed(name: Self.place)
        }
        contents.withLock { $0.insert((expected.digest, bytes), for: name, cost: bytes.count) }
        return bytes
    }

    private func pinned(_ row: RowNumber, _ slot: Int) throws(PinError) -> Pin {
        let bytes: [UInt8]
        do {
            bytes = try table.read(at: record(row, slot) * Int64(Self.recordLength), count: Self.recordLength)
        } catch {
            throw .unreadable(error)
        }
        // Nothing there, or the zeros of a row without attachment: it was never pinned.
        guard bytes.count == Self.recordLength, bytes.prefix(SHA256.byteCount).contains(where: { $0 != 0 }) else {
            throw .changed(name: Self.place)
        }
        var size: Int64 = 0
        for byte in bytes.suffix(8).reversed() { size = size << 8 | Int64(byte) }
        return Pin(digest: Array(bytes.prefix(SHA256.byteCount)), size: size)
    }
}
