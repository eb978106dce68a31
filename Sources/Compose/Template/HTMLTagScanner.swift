import Core

/// The part of the scanner between a tag's name and its `>`.
extension HTMLScanner {
    mutating func scanSeparator(_ cursor: HTMLCursor) {
        let byte = cursor.bytes[cursor.index]
        if !byte.isSpace, byte != UInt8(ascii: "/"), byte != UInt8(ascii: ">") {
            report(
                "nothing parts a section inside <\(context.element)> from what follows",
                cursor.place,
                "put a space there"
            )
        }
        context.state = .beforeAttribute
    }

    mutating func scanBeforeAttribute(_ cursor: inout HTMLCursor) {
        let byte = cursor.bytes[cursor.index]
        switch byte {
        case UInt8(ascii: ">"):
            endTag(&cursor)
        case _ where byte.isSpace || byte == UInt8(ascii: "/"):
            cursor.index += 1
        default:
            checkNameByte(cursor)
            context.attribute = ""
            context.state = .attributeName
            cursor.nameStart = cursor.index
            cursor.index += 1
        }
    }

    mutating func checkNameByte(_ cursor: HTMLCursor) {
        let byte = cursor.bytes[cursor.index]
        guard "=\"'<".utf8.contains(byte) else { return }
        report(
            "a stray \(Character(Unicode.Scalar(byte))) inside the tag <\(context.element)>",
            cursor.place,
            byte == UInt8(ascii: "<") ? "close the tag before it with >" : "look for a missing quote or name before it"
        )
    }

    mutating func scanAttributeName(_ cursor: inout HTMLCursor) {
        while let byte = cursor.byte(cursor.index), !byte.isSpace, !"/>=".utf8.contains(byte) {
            checkNameByte(cursor)
            cursor.index += 1
        }
        context.attribute += String(
            decoding: cursor.bytes[cursor.nameStart..<cursor.index].lowercasedASCII,
            as: UTF8.self
        )
        if cursor.index < cursor.bytes.count { context.state = .afterAttributeName }
    }

    mutating func scanAfterAttributeName(_ cursor: inout HTMLCursor) {
        let byte = cursor.bytes[cursor.index]
        if byte == UInt8(ascii: "=") {
            context.state = .beforeValue
            cursor.index += 1
        } else if byte.isSpace {
            cursor.index += 1
        } else {
            flush(&cursor, upTo: cursor.index)
            endValuelessAttribute()
            context.state = .beforeAttribute
        }
    }

    mutating func endValuelessAttribute() {
        items.append(.attributeStart(name: context.attribute, context.openedAt ?? Place(file: "")))
        items.append(.attributeEnd)
    }

    mutating func scanBeforeValue(_ cursor: inout HTMLCursor) {
        let byte = cursor.bytes[cursor.index]
        if byte.isSpace {
            cursor.index += 1
            return
        }
        switch byte {
        case UInt8(ascii: "\""): context.quote = .double
        case UInt8(ascii: "'"): context.quote = .single
        default: context.quote = .none
        }
        if byte == UInt8(ascii: ">") {
            report(
                "the attribute \(context.attribute) has no value",
                cursor.place,
                "write one in quotes, or take out the ="
            )
        }
        if context.quote != .none { cursor.index += 1 }
        flush(&cursor, upTo: cursor.index)
        startValue(at: cursor.text.place(cursor.index))
    }

    mutating func startValue(at place: Place) {
        context.kind = HTMLAttributeKind(context.attribute)
        context.urlPrefix = []
        context.state = .value
        items.append(.attributeStart(name: context.attribute, place))
    }

    mutating func scanValue(_ cursor: inout HTMLCursor) {
        while let byte = cursor.byte(cursor.index) {
            let ends = context.quote.byte.map { $0 == byte } ?? (byte.isSpace || byte == UInt8(ascii: ">"))
            if ends {
                flush(&cursor, upTo: cursor.index)
                items.append(.attributeEnd)
                context.state = .afterValue
                if context.quote != .none { cursor.index += 1 }
                return
            }
            cursor.index += 1
        }
    }

    mutating func endTag(_ cursor: inout HTMLCursor) {
        cursor.index += 1
        flush(&cursor, upTo: cursor.index)
        items.append(.tagEnd)
        context.state = .text
        let isForeign = context.element == "svg" || context.element == "math"
        if isForeign {
            let selfClosing = cursor.byte(cursor.index - 2) == UInt8(ascii: "/")
            if context.isEndTag { context.foreignDepth = max(0, context.foreignDepth - 1) }
            if !context.isEndTag, !selfClosing { context.foreignDepth += 1 }
        } else if !context.isEndTag, context.foreignDepth == 0, Self.rawElements.contains(context.element) {
            context.state = .rawText
            if context.element == "plaintext" {
                report("<plaintext>, which nothing can close", context.openedAt ?? cursor.place, "use <pre>")
            }
        }
    }

    private static let rawElements: Set<String> = [
        "title", "textarea", "style", "script", "xmp", "iframe", "noembed", "noframes", "plaintext",
    ]
}
