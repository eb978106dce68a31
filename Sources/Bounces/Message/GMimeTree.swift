import CGMime

/// The only door to GMime: bytes in, values out.
///
/// Every object that GMime gives away is owned by an ``Owned`` for as long as it is looked at; what is only lent is not
/// kept. GMime's parser reports no errors: what it cannot read it takes for text.
@safe enum GMimeTree {
    /// How deep messages and multiparts are looked into.
    static let maximumDepth = 12
    /// How many parts of one multipart are looked at.
    static let maximumParts = 200
    /// How many header fields of a part are looked at.
    static let maximumFields = 1_000
    /// How many bytes of one header field are looked at.
    static let maximumField = 16 * 1_024
    /// How many bytes of one part's text are looked at.
    static let maximumText = 256 * 1_024

    /// GMime's tables, made once in a process; they may be used by all threads.
    private static let isReady: Bool = {
        g_mime_init()
        return true
    }()

    /// A reference to a GObject, given back at the end.
    @safe private struct Owned<Object>: ~Copyable {
        let pointer: UnsafeMutablePointer<Object>

        init?(_ pointer: UnsafeMutablePointer<Object>?) {
            guard let pointer = unsafe pointer else { return nil }
            unsafe self.pointer = pointer
        }

        deinit {
            unsafe g_object_unref(pointer)
        }
    }

    /// Reads a message; `nil` only if GMime has no memory for it.
    ///
    /// The bytes must have passed ``ReportInput``.
    static func read(_ bytes: [UInt8]) -> MIMEPart? {
        guard isReady else { return nil }
        let made = unsafe bytes.withUnsafeBytes { buffer in
            // The stream copies what it is given.
            unsafe g_mime_stream_mem_new_with_buffer(buffer.bindMemory(to: CChar.self).baseAddress, buffer.count)
        }
        guard let stream = unsafe Owned(made), let parser = unsafe Owned(g_mime_parser_new_with_stream(stream.pointer)),
            let message = unsafe Owned(g_mime_parser_construct_message(parser.pointer, nil))
        else { return nil }
        return unsafe copy(message: message.pointer, depth: 0)
    }

    private static func copy(message: UnsafeMutablePointer<GMimeMessage>, depth: Int) -> MIMEPart {
        let fields = unsafe fields(of: wardpost_message_as_object(message))
        guard let object = unsafe g_mime_message_get_mime_part(message) else {
            return MIMEPart(type: "text/plain", reportType: "", fields: fields, body: .other)
        }
        var part = unsafe copy(object, depth: depth)
        part.fields = fields + part.fields
        return part
    }

    private static func copy(_ object: UnsafeMutablePointer<GMimeObject>, depth: Int) -> MIMEPart {
        let type = unsafe g_mime_object_get_content_type(object)
        return unsafe MIMEPart(
            type: take(g_mime_content_type_get_mime_type(type)).lowercased(),
            reportType: lent(g_mime_content_type_get_parameter(type, "report-type")).lowercased(),
            fields: fields(of: object),
            body: depth < maximumDepth ? body(of: object, depth: depth + 1) : .other
        )
    }

    private static func body(of object: UnsafeMutablePointer<GMimeObject>, depth: Int) -> MIMEPart.Body {
        if let multipart = unsafe wardpost_as_multipart(object) {
            let count = unsafe min(Int(g_mime_multipart_get_count(multipart)), maximumParts)
            let parts: [MIMEPart] = (0..<max(0, count)).compactMap { index in
                guard let part = unsafe g_mime_multipart_get_part(multipart, Int32(index)) else { return nil }
                return unsafe copy(part, depth: depth)
            }
            if parts.isEmpty, let prologue = unsafe g_mime_multipart_get_prologue(multipart) {
                // A boundary that is declared and never drawn: all of it is text.
                return unsafe .text(lent(prologue, atMost: maximumText))
            }
            return .parts(parts)
        }
        if let holder = unsafe wardpost_as_message_part(object) {
            guard let message = unsafe g_mime_message_part_get_message(holder) else { return .other }
            return unsafe .message(copy(message: message, depth: depth))
        }
        if let text = unsafe wardpost_as_text_part(object) {
            return unsafe .text(take(g_mime_text_part_get_text(text), atMost: maximumText))
        }
        // `message/delivery-status`, `message/feedback-report` and the like are parts with fields for a text.
        guard let part = unsafe wardpost_as_part(object), let type = unsafe g_mime_object_get_content_type(object),
            unsafe g_mime_content_type_is_type(type, "message", "*") != 0,
            let content = unsafe g_mime_part_get_content(part), let stream = unsafe Owned(g_mime_stream_mem_new())
        else { return .other }
        guard unsafe g_mime_data_wrapper_write_to_stream(content, stream.pointer) >= 0,
            let array = unsafe wardpost_stream_bytes(stream.pointer)
        else { return .other }
        let bytes = unsafe UnsafeBufferPointer(start: array.pointee.data, count: Int(array.pointee.len))
        return unsafe .text(String(decoding: bytes.prefix(maximumText), as: UTF8.self))
    }

    private static func fields(of object: UnsafeMutablePointer<GMimeObject>) -> [HeaderField] {
        guard let list = unsafe g_mime_object_get_header_list(object) else { return [] }
        let count = unsafe min(Int(g_mime_header_list_get_count(list)), maximumFields)
        return (0..<max(0, count)).compactMap { index in
            guard let header = unsafe g_mime_header_list_get_header_at(list, Int32(index)) else { return nil }
            let name = unsafe lent(g_mime_header_get_name(header)).lowercased()
            return unsafe HeaderField(name: name, value: decoded(g_mime_header_get_raw_value(header)))
        }
    }

    /// A field's value on one line, with its encoded words (RFC 2047) as text.
    private static func decoded(_ raw: UnsafePointer<CChar>?) -> String {
        guard let raw = unsafe raw else { return "" }
        var bytes: [CChar] = []
        var index = 0
        while index < maximumField, case let byte = unsafe raw[index], byte != 0 {
            // A folded line goes on behind its break; the white space there stays.
            if byte != 0x0A, byte != 0x0D { bytes.append(byte) }
            index += 1
        }
        bytes.append(0)
        let text = unsafe bytes.withUnsafeBufferPointer { unsafe g_mime_utils_header_decode_text(nil, $0.baseAddress) }
        return Lines.trimmed(unsafe take(text))
    }

    /// A C string that is ours: copied, and freed.
    private static func take(_ text: UnsafeMutablePointer<CChar>?, atMost limit: Int = .max) -> String {
        guard let text = unsafe text else { return "" }
        defer { unsafe g_free(text) }
        let length = unsafe strnlen(text, limit)
        return unsafe UnsafeRawBufferPointer(start: text, count: length).withMemoryRebound(to: UInt8.self) {
            unsafe String(decoding: $0, as: UTF8.self)
        }
    }

    /// A C string that is only lent.
    private static func lent(_ text: UnsafePointer<CChar>?, atMost limit: Int = maximumField) -> String {
        guard let text = unsafe text else { return "" }
        let length = unsafe strnlen(text, limit)
        return unsafe UnsafeRawBufferPointer(start: text, count: length).withMemoryRebound(to: UInt8.self) {
            unsafe String(decoding: $0, as: UTF8.self)
        }
    }
}
