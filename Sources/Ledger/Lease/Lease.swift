public import Files
import Synchronization

/// The right to work something, held by this process until it is let go or goes unrenewed for too long.
///
/// The holder shows a sign of life every few seconds. Whoever wants the same takes it over when none was seen for the whole
/// lease time; the holder trusts its right for half of that, counted from before it gave its last sign. A process that was
/// stopped meanwhile finds, when it goes on, that its right has run out, and then that another claim stands above its own.
public final class Lease: Sendable {
    /// From whom the right came.
    public enum Origin: Hashable, Sendable {
        /// Nobody had it before, or what is known of that is gone.
        case new
        /// The holder before let it go, and left nothing half done.
        case closed(Holder)
        /// The holder before ended or went silent in the middle of its work, or let go in haste.
        case taken(Holder)
    }

    /// The claim's number: each holder's is one more than the one before.
    public let number: Int
    /// From whom the right came.
    public let origin: Origin
    private let claims: Directory
    private let file: Descriptor
    private let time: Duration
    /// Where in the claim the line begins that changes.
    private let tail: Int64
    private let state: Mutex<Claim>
    private let validUntil: Atomic<UInt64>
    private let lost = Atomic<Bool>(false)
    /// For tests: no sign of life is given.
    let isFrozen = Atomic<Bool>(false)

    init(number: Int, origin: Origin, claims: Directory, file: Descriptor, claim: Claim, began: Moment) {
        self.number = number
        self.origin = origin
        self.claims = claims
        self.file = file
        time = .milliseconds(claim.milliseconds)
        tail = Int64(claim.bytes.count - Claim.tail)
        state = Mutex(claim)
        validUntil = Atomic((began + time / 2).nanoseconds)
        Keeper.shared.add(self, after: time / 6)
    }

    deinit {
        release(clean: false)
    }

    /// Whether the right is still ours beyond doubt; to be asked immediately before it is used.
    ///
    /// Costs a look at a clock.
    public var isHeld: Bool {
        !isLost && Moment.now.nanoseconds < validUntil.load(ordering: .acquiring)
    }

    /// Whether another has it by now; it does not come back.
    public var isLost: Bool {
        lost.load(ordering: .acquiring)
    }

    /// Asks the file system whether the right is still ours; throws if not, or if that cannot be known.
    public func confirm() throws(FileError) {
        if !isHeld { try renew() }
        guard isHeld, try stands() else { throw refusal }
    }

    /// Lets go; once, and what comes later does nothing.
    ///
    /// - Parameter clean: Whether nothing was left half done, so that the next holder may believe what it finds.
    public func release(clean: Bool) {
        state.withLock { claim in
            guard claim.state == .held else { return }
            claim.state = clean ? .closed : .failed
            validUntil.store(0, ordering: .releasing)
            do throws(FileError) {
                try file.write(claim.tailBytes, at: tail)
                try file.dataSync()
            } catch {
                // Whoever comes next waits for a sign of life, in vain.
            }
        }
    }

    // MARK: - Signs of life

    /// Gives a sign of life and finds out whether the right still stands.
    func renew() throws(FileError) {
        let began = Moment.now
        let isOver = try state.withLock { claim throws(FileError) in
            guard claim.state == .held, !isLost else { return true }
            claim.beat += 1
            try file.write(claim.tailBytes, at: tail)
            try file.dataSync()
            return false
        }
        guard !isOver else { return }
        // Looked at after the sign was given: a rival whose claim is not there yet will see the sign.
        if try stands() { validUntil.store((began + time / 2).nanoseconds, ordering: .releasing) }
    }

    private func stands() throws(FileError) -> Bool {
        guard !isLost else { return false }
        let numbers = try ClaimNames.numbers(in: claims)
        if numbers.last == number { return true }
        lost.store(true, ordering: .releasing)
        return false
    }

    private var refusal: FileError {
        FileError(
            .write,
            claims.name,
            code: 116,
            explanation: isLost
                ? "another process has taken the work over" : "a sign of life could not be given in time"
        )
    }
}

extension Lease: Kept {
    func keep() -> Duration? {
        if isFrozen.load(ordering: .relaxed) { return time / 6 }
        do throws(FileError) {
            try renew()
        } catch {
            // Tried again; until that works, the right runs out.
        }
        let isHeld = state.withLock { $0.state == .held }
        return isHeld && !isLost ? time / 6 : nil
    }
}

/// The names of claims in their directory: numbers.
enum ClaimNames {
    /// The claims that are there, in order.
    static func numbers(in directory: Directory) throws(FileError) -> [Int] {
        try directory.names { $0.first?.isNumber == true }.compactMap { Int($0) }.sorted()
    }
}
