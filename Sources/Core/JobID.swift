/// A job's identity: what its content is, not what its folder is called.
///
/// The first 80 bits of the SHA-256 over the job's pinned content in hexadecimal, and `-2`, `-3`… when the same content
/// was confirmed to go out again. Two folders with the same content have the same identity, which is how a copy is noticed.
public struct JobID: Hashable, Sendable, CustomStringConvertible {
    /// The bytes of digest that an identity keeps; 80 bits, so that a chance collision is out of reach.
    public static let digestLength = 10

    /// The first ten bytes of the content's digest.
    public let digest: [UInt8]
    /// 1 for the first run of this content; one more for each confirmed repetition.
    public let run: UInt16

    /// Stands where an event is about no job: twenty zeros, which no content's digest begins with.
    public static let noJob = JobID()

    private init() {
        digest = Array(repeating: 0, count: Self.digestLength)
        run = 1
    }

    /// Takes the identity from a digest of at least ten bytes; `nil` if it is shorter.
    public init?(digest: some Collection<UInt8>, run: UInt16 = 1) {
        guard digest.count >= Self.digestLength, run >= 1 else { return nil }
        self.digest = Array(digest.prefix(Self.digestLength))
        self.run = run
    }

    /// Reads an identity back from its text; `nil` if the text is none.
    public init?(_ text: String) {
        // The usual form, without being taken apart: every event has one.
        if text.utf8.count == 2 * Self.digestLength {
            guard let bytes = Hex.decode(text) else { return nil }
            digest = bytes
            run = 1
            return
        }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count <= 2, let bytes = Hex.decode(parts[0]), bytes.count == Self.digestLength else { return nil }
        var run: UInt16 = 1
        if parts.count == 2 {
            guard let number = UInt16(parts[1]), number >= 2, String(number) == parts[1] else { return nil }
            run = number
        }
        self.digest = bytes
        self.run = run
    }

    /// The same content's next confirmed run.
    public var next: JobID? {
        JobID(digest: digest, run: run &+ 1)
    }

    /// Twenty hexadecimal digits, and the run where it is not the first.
    public var description: String {
        Hex.encode(digest) + (run == 1 ? "" : "-\(run)")
    }
}
