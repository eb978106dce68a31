import CLibYAML
import Core

/// One step of a YAML file, with what the C event held already copied out of it.
struct YAMLEvent {
    enum Kind {
        case documentStart(hasDirectives: Bool)
        case sequenceStart
        case mappingStart(isFlow: Bool)
        case end
        case documentEnd
        case scalar(String, YAMLNode.Style)
        case alias
        case streamStart
        case streamEnd
    }

    var kind: Kind
    /// Where it starts; line and column from 0.
    var line: Int
    var column: Int
    var hasAnchor = false
    var hasTag = false
}

/// What libyaml has against a file.
struct YAMLSyntaxError: Error {
    /// libyaml's words.
    var problem: String
    /// What it was doing: `while parsing a flow mapping`.
    var context: String
    /// Where it stopped, from 0.
    var line: Int
    var column: Int
    /// Where what it was doing began, from 0.
    var contextLine: Int
    var contextColumn: Int
}

/// A libyaml parser over bytes of its own.
///
/// The parser lies on the heap and stays there, because it keeps pointers to itself; the bytes that it reads from are a
/// copy that lives as long as it does.
@safe final class YAMLEvents {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>

    /// Starts reading; the bytes are UTF-8 without a byte-order mark.
    init?(_ bytes: ArraySlice<UInt8>) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.deallocate()
            return nil
        }
        let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = unsafe input.initialize(from: bytes)
        unsafe yaml_parser_set_input_string(parser, input.baseAddress, input.count)
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe self.parser = parser
        unsafe self.input = input
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    /// The next event; nothing may be asked for behind `streamEnd` or an error.
    func next() throws(YAMLSyntaxError) -> YAMLEvent {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { unsafe yaml_event_delete(&event) }
        return unsafe Self.copy(event)
    }

    private static func copy(_ event: yaml_event_t) -> YAMLEvent {
        let data = unsafe event.data
        var copy = unsafe YAMLEvent(
            kind: .end,
            line: event.start_mark.line,
            column: event.start_mark.column
        )
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: copy.kind = .streamStart
        case YAML_STREAM_END_EVENT: copy.kind = .streamEnd
        case YAML_DOCUMENT_START_EVENT:
            let start = unsafe data.document_start
            let hasTags = unsafe start.tag_directives.start != start.tag_directives.end
            copy.kind = unsafe .documentStart(hasDirectives: start.version_directive != nil || hasTags)
        case YAML_DOCUMENT_END_EVENT: copy.kind = .documentEnd
        case YAML_ALIAS_EVENT: copy.kind = .alias
        case YAML_SCALAR_EVENT:
            let scalar = unsafe data.scalar
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            copy.kind = unsafe .scalar(String(decoding: bytes, as: UTF8.self), style(scalar.style))
            copy.hasAnchor = unsafe scalar.anchor != nil
            copy.hasTag = unsafe scalar.tag != nil
        case YAML_SEQUENCE_START_EVENT:
            copy.kind = .sequenceStart
            copy.hasAnchor = unsafe data.sequence_start.anchor != nil
            copy.hasTag = unsafe data.sequence_start.tag != nil
        case YAML_MAPPING_START_EVENT:
            copy.kind = unsafe .mappingStart(isFlow: data.mapping_start.style == YAML_FLOW_MAPPING_STYLE)
            copy.hasAnchor = unsafe data.mapping_start.anchor != nil
            copy.hasTag = unsafe data.mapping_start.tag != nil
        default: copy.kind = .end
        }
        return copy
    }

    private static func style(_ style: yaml_scalar_style_t) -> YAMLNode.Style {
        switch style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE, YAML_DOUBLE_QUOTED_SCALAR_STYLE: .quoted
        case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: .block
        default: .plain
        }
    }

    private func failure() -> YAMLSyntaxError {
        let parser = unsafe self.parser.pointee
        let problem = unsafe parser.problem.map { unsafe String(cString: $0) }
        let context = unsafe parser.context.map { unsafe String(cString: $0) }
        return unsafe YAMLSyntaxError(
            problem: problem ?? "out of memory",
            context: context ?? "",
            line: parser.problem_mark.line,
            column: parser.problem_mark.column,
            contextLine: parser.context_mark.line,
            contextColumn: parser.context_mark.column
        )
    }
}
