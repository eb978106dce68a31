import Core

extension Reply {
    /// The most scalars that a detail has.
    static let longestDetail = 300
    /// What stands where the row's address stood.
    static let hidden = Array("<address>".utf8)

    /// The reply as one line for a report: valid UTF-8, no control or formatting characters, at most
    /// ``longestDetail`` scalars, and without the row's address.
    ///
    /// The address goes wherever it stands, in any case, with or without angle brackets; and its local part too where it
    /// stands as a word of its own (`550 jane.roe... User unknown`), from three letters up.
    func detail(hiding address: Address?, and other: Address? = nil) -> String {
        detail { bytes in
            if let address { bytes.hide(address) }
            if let other { bytes.hide(other) }
        }
    }

    /// The same without any of these addresses.
    func detail(hiding addresses: [Address]) -> String {
        detail { bytes in
            for address in addresses { bytes.hide(address) }
        }
    }

    private func detail(_ hide: (inout [UInt8]) -> Void) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count + 4)
        bytes.append(UInt8(truncatingIfNeeded: 0x30 + code / 100))
        bytes.append(UInt8(truncatingIfNeeded: 0x30 + code / 10 % 10))
        bytes.append(UInt8(truncatingIfNeeded: 0x30 + code % 10))
        appendLines(to: &bytes)
        hide(&bytes)
        return bytes.oneLine(longest: Self.longestDetail)
    }

    /// The lines with a space between; an enhanced code that a later line repeats is left out.
    private func appendLines(to bytes: inout [UInt8]) {
        guard !text.isEmpty else { return }
        guard text.contains(0x0A) else {
            bytes.append(0x20)
            bytes.append(contentsOf: text)
            return
        }
        let lines = lines
        let repeated = EnhancedStatus.length(startOf: lines[0]).map { lines[0].prefix($0) }
        for (number, line) in lines.enumerated() where !line.isEmpty {
            var line = line
            if number > 0, let repeated, line.starts(with: repeated) {
                line = line.dropFirst(repeated.count).drop { $0 == 0x20 }
            }
            bytes.append(0x20)
            bytes.append(contentsOf: line)
        }
    }
}

extension [UInt8] {
    fileprivate mutating func hide(_ address: Address) {
        let local = address.localPart.utf8.map(lowercased)
        hide(local + [0x40] + address.domain.utf8.map(lowercased), wordsOnly: false)
        if local.count >= 3 {
            hide(local, wordsOnly: true)
        }
    }

    /// Puts ``Reply/hidden`` wherever a lower-case pattern stands, angle brackets around it included.
    fileprivate mutating func hide(_ pattern: [UInt8], wordsOnly: Bool) {
        var from = startIndex
        while let found = firstRange(ofLowercase: pattern, from: from) {
            guard !wordsOnly || isWord(found) else {
                from = found.lowerBound + 1
                continue
            }
            var range = found
            if range.lowerBound > 0, range.upperBound < count, self[range.lowerBound - 1] == UInt8(ascii: "<"),
                self[range.upperBound] == UInt8(ascii: ">")
            {
                range = (range.lowerBound - 1)..<(range.upperBound + 1)
            }
            replaceSubrange(range, with: Reply.hidden)
            from = range.lowerBound + Reply.hidden.count
        }
    }

    private func isWord(_ range: Range<Int>) -> Bool {
        (range.lowerBound == 0 || !isLetter(self[range.lowerBound - 1]))
            && (range.upperBound == count || !isLetter(self[range.upperBound]))
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        byte >= 0x80 || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(lowercased(byte))
    }

    /// The bytes as text on one line: what is not UTF-8 becomes U+FFFD, controls and invisible formatting spaces.
    fileprivate func oneLine(longest: Int) -> String {
        if count <= longest, allSatisfy({ (0x20...0x7E).contains($0) }) {
            return String(decoding: self, as: UTF8.self)
        }
        var text = String.UnicodeScalarView()
        for scalar in String(decoding: prefix(4 * longest), as: UTF8.self).unicodeScalars.prefix(longest) {
            text.append(Self.isShown(scalar) ? scalar : " ")
        }
        return String(text)
    }

    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7F { return scalar.value >= 0x20 }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate: return false
        default: return true
        }
    }
}
