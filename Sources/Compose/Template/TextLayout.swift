/// White space in text made from HTML whose need only the row shows: a section before it may be there or not.
enum TextLayout {
    /// Spaces, unless white space stands there already.
    static func space(_ count: Int, base: Int, in output: inout [UInt8]) {
        guard output.count > base, let last = output.last, last != .space, last != .lineFeed else { return }
        output.append(contentsOf: repeatElement(.space, count: count))
    }

    /// At least `lines` line breaks and then the indentation; nothing but the indentation at the text's start.
    static func breakLine(_ lines: Int, _ indentation: Int, base: Int, in output: inout [UInt8]) {
        while output.count > base, output.last == .space { output.removeLast() }
        if output.count > base {
            var present = 0
            while present < lines, output.count - present > base, output[output.count - 1 - present] == .lineFeed {
                present += 1
            }
            output.append(contentsOf: repeatElement(.lineFeed, count: lines - present))
        }
        output.append(contentsOf: repeatElement(.space, count: indentation))
    }

    /// One line break at the end, and no other white space before it.
    static func finish(base: Int, in output: inout [UInt8]) {
        while output.count > base, let last = output.last, last == .space || last == .lineFeed { output.removeLast() }
        if output.count > base { output.append(.lineFeed) }
    }
}
