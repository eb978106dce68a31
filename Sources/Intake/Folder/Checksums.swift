public import Core
internal import Files
internal import OpenSSL

/// `SHA256SUMS`: what `sha256sum` wrote before the upload must be true after it.
///
/// Read line by line and file by file, in memory that depends on neither. A line is 64 hexadecimal digits, a space, a space
/// or `*`, and the name, which may begin with `./`. Names that `sha256sum` escapes (a line break or a backslash in them, a
/// `\` before the digest) are refused, as they are everywhere.
public enum Checksums {
    private static let longestLine = 4_096
    private static let mostProblems = 100

    /// Checks every line.
    ///
    /// - Parameters:
    ///   - folder: The job folder.
    ///   - pinned: Digests by name of the files that are pinned already, so that what is sent is what is compared.
    ///   - required: Names that must be among the lines: the manifest and the recipient table at least.
    /// - Throws: ``Diagnostics`` with the line of each problem; nothing if there is no `SHA256SUMS`.
    public static func verify(
        in folder: JobFolder,
        pinned: [String: [UInt8]],
        required: [String]
    ) throws(Diagnostics) {
        var check = Check(folder: folder, pinned: pinned, missing: Set(required))
        do {
            guard try folder.directory.status(of: JobFiles.checksums) != nil else { return }
            let list = try folder.pin(JobFiles.checksums, as: .checksums)
            try check.lines(of: list)
        } catch let error as Diagnostic {
            throw Diagnostics([error])
        } catch {
            throw Diagnostics([Diagnostic("\(error)", at: Place(file: JobFiles.checksums))])
        }
        check.finish()
        if !check.problems.isEmpty { throw Diagnostics(check.problems) }
    }

    /// One line, taken apart.
    struct Entry: Equatable {
        var name: String
        var digest: [UInt8]

        init?(_ line: ArraySlice<UInt8>) {
            guard line.count > 66, let digest = Hex.decode(String(decoding: line.prefix(64), as: UTF8.self)) else {
                return nil
            }
            let mark = line[line.startIndex + 65]
            guard line[line.startIndex + 64] == 0x20, mark == 0x20 || mark == UInt8(ascii: "*") else { return nil }
            var name = String(decoding: line[(line.startIndex + 66)...], as: UTF8.self)
            if name.hasPrefix("./") { name.removeFirst(2) }
            self.name = name
            self.digest = digest
        }
    }

    private struct Check {
        let folder: JobFolder
        let pinned: [String: [UInt8]]
        var missing: Set<String>
        var problems: [Diagnostic] = []
        private var line = 0

        init(folder: JobFolder, pinned: [String: [UInt8]], missing: Set<String>) {
            self.folder = folder
            self.pinned = pinned
            self.missing = missing
        }

        mutating func lines(of list: PinnedFile) throws {
            let source = list.bytes()
            var bytes: [UInt8] = []
            var rest: [UInt8] = []
            while try source(&bytes), problems.count < mostProblems {
                var start = 0
                while let end = bytes[start...].firstIndex(of: 0x0A) {
                    rest += bytes[start..<end]
                    add(rest[...])
                    rest.removeAll(keepingCapacity: true)
                    start = end + 1
                }
                rest += bytes[start...]
                if rest.count > longestLine {
                    line += 1
                    report("the line is too long")
                    return
                }
            }
            if !rest.isEmpty { add(rest[...]) }
        }

        private mutating func add(_ text: ArraySlice<UInt8>) {
            line += 1
            guard problems.count < mostProblems else { return }
            let text = text.last == 0x0D ? text.dropLast() : text
            if text.isEmpty { return }
            if text.first == UInt8(ascii: "\\") {
                report("the name is escaped, and names with a line break or a backslash are not taken")
                return
            }
            guard let entry = Entry(text) else {
                report("this is no line of `sha256sum`", fix: "write the file with `sha256sum * > SHA256SUMS`")
                return
            }
            missing.remove(entry.name)
            // It cannot hold its own digest, but a second run of `sha256sum *` lists it.
            if entry.name == JobFiles.checksums { return }
            do throws(Diagnostic) {
                let digest = try digest(of: entry.name)
                if digest != entry.digest {
                    report("\(entry.name) is not what the checksum says", fix: "upload the job again")
                }
            } catch {
                report("\(entry.name): \(error.problem)", fix: error.fix)
            }
        }

        private func digest(of name: String) throws(Diagnostic) -> [UInt8] {
            if let known = pinned[name] { return known }
            return try folder.pin(name, as: .recipients).digest
        }

        mutating func finish() {
            for name in missing.sorted() {
                problems.append(
                    Diagnostic(
                        "\(name) is not among the checksums",
                        at: Place(file: JobFiles.checksums),
                        fix: "write the file with `sha256sum * > SHA256SUMS`"
                    )
                )
            }
        }

        private mutating func report(_ problem: String, fix: String = "") {
            problems.append(Diagnostic(problem, at: Place(file: JobFiles.checksums, line: line), fix: fix))
        }
    }
}
