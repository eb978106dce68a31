/// One field of a header, by its place in the message.
struct HeaderField {
    /// The name's bytes.
    var name: Range<Int>
    /// What stands behind the colon, all its lines, without the CRLF at the end.
    var value: Range<Int>

    /// The fields at a message's start, in their order; what has no colon is left out.
    ///
    /// - Parameter bodyStart: Becomes the place behind the empty line; the message's end if there is none.
    static func all(in message: [UInt8], bodyStart: inout Int) -> [HeaderField] {
        var fields: [HeaderField] = []
        fields.reserveCapacity(24)
        var start = 0
        while start < message.count, message[start] != 0x0D {
            var end = start
            while true {
                end = ByteScan.firstLineEnd(in: message, end..<message.count)
                let next = LineEnds.after(end, in: message)
                guard next < message.count, RelaxedBody.isBlank(message[next]) else { break }
                end = next
            }
            var colon = start
            while colon < end, message[colon] != 0x3A {
                colon += 1
            }
            if colon < end { fields.append(HeaderField(name: start..<colon, value: (colon + 1)..<end)) }
            start = LineEnds.after(end, in: message)
        }
        bodyStart = LineEnds.after(start, in: message)
        return fields
    }
}

/// The relaxed canonical form of header fields, RFC 6376 section 3.4.2.
enum RelaxedHeader {
    /// Appends a field: its name in lower case, its value on one line with single spaces, and CRLF.
    static func append(_ field: HeaderField, of message: [UInt8], to output: inout [UInt8]) {
        for index in field.name where !RelaxedBody.isBlank(message[index]) {
            output.append(lower(message[index]))
        }
        output.append(0x3A)
        let start = output.count
        var hasSpace = false
        for index in field.value {
            switch message[index] {
            case 0x0D, 0x0A: continue
            case 0x20, 0x09: hasSpace = true
            case let byte:
                if hasSpace {
                    hasSpace = false
                    // White space behind the colon goes, and so does what no byte follows.
                    if output.count > start { output.append(0x20) }
                }
                output.append(byte)
            }
        }
        output.append(0x0D)
        output.append(0x0A)
    }

    @inline(__always)
    static func lower(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}
