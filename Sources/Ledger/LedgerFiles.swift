import Core
import Files

/// The names of a job's ledger: `JOB.ledger` as it was made, and `JOB.N.ledger` for each copy that was made after a holder
/// who did not close it.
///
/// The highest number is the truth; what is still written to a lower one is read by nobody.
struct LedgerFiles {
    private static let suffix = ".ledger"
    let directory: Directory
    let job: JobID

    func name(_ number: Int) -> String {
        number == 0 ? "\(job)\(Self.suffix)" : "\(job).\(number)\(Self.suffix)"
    }

    /// The numbers that are there, in order.
    func numbers() throws(FileError) -> [Int] {
        let prefix = "\(job)"
        return try directory.names { $0.hasPrefix(prefix) }.compactMap { name in
            guard let (job, number) = Self.parts(of: name), job == self.job else { return nil }
            return number
        }.sorted()
    }

    /// The job and the number that a name stands for; `nil` if it is no ledger's.
    static func parts(of name: String) -> (job: JobID, number: Int)? {
        guard name.hasSuffix(suffix) else { return nil }
        let parts = name.dropLast(suffix.count).split(separator: ".", omittingEmptySubsequences: false)
        guard let first = parts.first, let job = JobID(String(first)) else { return nil }
        if parts.count == 1 { return (job, 0) }
        guard parts.count == 2, let number = Int(parts[1]), number > 0, String(number) == parts[1] else { return nil }
        return (job, number)
    }

    /// Opens the truth to read it: its number and the file; `nil` if there is none.
    func open() throws(FileError) -> (number: Int, file: Descriptor)? {
        // A copy may take its place between the two calls.
        for _ in 0..<100 {
            guard let number = try numbers().last else { return nil }
            do throws(FileError) {
                return (number, try directory.openRegular(name(number)))
            } catch {
                guard error.isNotFound else { throw error }
            }
        }
        return nil
    }

    /// Makes a file with content, all of it durable before the file has its name; throws if there is such a file.
    func make(_ number: Int, _ write: (Descriptor) throws(LedgerError) -> Void) throws(LedgerError) {
        let name = name(number)
        let temporary = ".\(name).\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
        let file = try onDisk { () throws(FileError) in try directory.create(temporary) }
        do throws(LedgerError) {
            try write(file)
            try onDisk { () throws(FileError) in
                try file.sync()
                try put(temporary, file, name)
            }
        } catch {
            try? directory.remove(temporary)
            throw error
        }
        try onDisk { () throws(FileError) in try directory.sync() }
    }

    /// Gives a finished file its name.
    private func put(_ temporary: String, _ file: Descriptor, _ name: String) throws(FileError) {
        var failure: FileError?
        do throws(FileError) {
            try directory.link(temporary, to: name)
        } catch {
            failure = error
        }
        if let failure {
            // Over NFS an answer can be lost and the call repeated: a second name is what counts.
            if try file.status().links != 2 {
                guard failure.isWithoutLinks, try directory.status(of: name) == nil else { throw failure }
                return try directory.rename(temporary, to: name)
            }
        }
        try directory.remove(temporary)
    }

    /// Forbids further writing to a file: its writer sees that after its next sync, and from then on tells nobody that
    /// anything is durable.
    static func seal(_ file: Descriptor) throws(FileError) {
        try file.setPermissions(0o400)
    }

    /// Removes lower numbers, and what was left of making a copy.
    func sweep(below number: Int) {
        let prefix = ".\(job)"
        for name in (try? directory.names { $0.hasPrefix(prefix) && $0.hasSuffix(".tmp") }) ?? []
        where name.dropFirst(prefix.count).hasPrefix(".") {
            try? directory.remove(name)
        }
        for old in (try? numbers()) ?? [] where old < number { try? directory.remove(name(old)) }
    }
}

extension FileStatus {
    /// Whether another process forbade further writing, or took the file's name away.
    var isSealed: Bool {
        permissions & 0o200 == 0 || links == 0
    }
}
