extension RateLog {
    /// How many bytes a log has: less than a page, so that it is written as a whole or not at all when a process is killed.
    public static let byteCount = 8 * 7 + 4 * (ring + processes)

    private static let magic: UInt64 = 0x3165_7461_7270_7721

    /// The log as it is kept in a file.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for word in [Self.magic, UInt64(count), UInt64(period), UInt64(burst), UInt64(full), UInt64(latest)] {
            bytes.put(word)
        }
        for number in answered { bytes.put(number) }
        for number in underWay { bytes.put(number) }
        bytes.put(Self.digest(bytes[...]))
        return bytes
    }

    /// Reads a log; `nil` if it is damaged.
    ///
    /// One that was kept under another rate is carried over as if all of it had been let go now.
    public init?(_ bytes: [UInt8], rate: RouteSettings.Rate, at now: Moment) {
        guard bytes.count == Self.byteCount, bytes.word(0) == Self.magic,
            bytes.word(Self.byteCount - 8) == Self.digest(bytes.dropLast(8))
        else { return nil }
        let words = (1...5).map { Int64(clamping: bytes.word(8 * $0)) }
        let answered = (0..<Self.ring).map { bytes.half(48 + 4 * $0) }
        let underWay = (0..<Self.processes).map { bytes.half(48 + 4 * (Self.ring + $0)) }
        self.init(rate, at: now)
        if words[0] == count, words[1] == period, words[2] == burst {
            (full, latest) = (words[3], words[4])
            (self.answered, self.underWay) = (answered, underWay)
            sum()
        } else {
            // Those under way stay so: their processes will say when they end.
            self.underWay = underWay
            sum()
            record(answered.reduce(0, &+), at: now)
        }
    }

    /// FNV-1a over the words: against a damaged file, not against a person.
    private static func digest(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

extension [UInt8] {
    fileprivate mutating func put(_ word: some FixedWidthInteger) {
        for shift in stride(from: 0, to: word.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    fileprivate func word(_ offset: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(self[offset + $1]) << (8 * $1) }
    }

    fileprivate func half(_ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(self[offset + $1]) << (8 * $1) }
    }
}
