/// The text of a report that was written in HTML alone: no tags, the commonest entities, a line for each block.
enum HTMLText {
    private static let blocks: Set<String> = ["br", "p", "div", "tr", "li", "table", "h1", "h2", "h3", "hr"]
    private static let hidden: Set<String> = ["style", "script", "head", "title"]
    private static let entities: [(String, UInt8)] = [
        ("&lt;", 0x3C), ("&gt;", 0x3E), ("&amp;", 0x26), ("&quot;", 0x22), ("&#39;", 0x27), ("&nbsp;", 0x20),
        ("&#64;", 0x40),
    ]

    static func text(of html: String) -> String {
        let bytes = Array(html.utf8)
        var output: [UInt8] = []
        var index = 0
        // The element whose content is not shown.
        var skipped: String?
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "<") {
                let end = bytes[index...].firstIndex(of: UInt8(ascii: ">")) ?? bytes.count - 1
                let isClosing = index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "/")
                let name = name(bytes[(index + (isClosing ? 2 : 1))..<max(end, index + (isClosing ? 2 : 1))])
                index = end + 1
                if let open = skipped {
                    if isClosing, name == open { skipped = nil }
                    continue
                }
                if !isClosing, hidden.contains(name) { skipped = name }
                if blocks.contains(name) { output.append(0x0A) }
                continue
            }
            if skipped == nil { index = append(bytes, index, to: &output) } else { index += 1 }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func name(_ tag: ArraySlice<UInt8>) -> String {
        String(
            decoding: tag.prefix(10).prefix { (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) },
            as: UTF8.self
        )
        .lowercased()
    }

    /// One character or entity; gives where the next is.
    private static func append(_ bytes: [UInt8], _ index: Int, to output: inout [UInt8]) -> Int {
        if bytes[index] == UInt8(ascii: "&") {
            for (entity, byte) in entities where bytes[index...].starts(with: entity.utf8) {
                output.append(byte)
                return index + entity.utf8.count
            }
        }
        output.append(bytes[index])
        return index + 1
    }
}
