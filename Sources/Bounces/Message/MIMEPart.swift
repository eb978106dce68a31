/// One header field, unfolded and decoded.
struct HeaderField: Sendable {
    /// The name in lower case.
    let name: String
    let value: String
}

/// A message or a part of one, as values.
struct MIMEPart: Sendable {
    indirect enum Body: Sendable {
        /// Text in UTF-8, whatever it was sent in.
        case text(String)
        /// A message inside the message.
        case message(MIMEPart)
        /// The parts of a multipart.
        case parts([MIMEPart])
        /// Anything else, and whatever lies deeper than is looked.
        case other
    }

    /// The media type in lower case: `text/plain`.
    var type: String
    /// `report-type` of a `multipart/report`, lower case.
    var reportType: String
    var fields: [HeaderField]
    var body: Body

    /// The first field of a name.
    func field(_ name: String) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// All fields of a name.
    func all(_ name: String) -> [String] {
        fields.lazy.filter { $0.name == name }.map(\.value)
    }

    /// The parts of a multipart; a part that is none is its only one.
    var parts: [MIMEPart] {
        if case .parts(let parts) = body { parts } else { [self] }
    }

    /// The text of a part that has some.
    var text: String? {
        if case .text(let text) = body { text } else { nil }
    }

    /// The message inside.
    var message: MIMEPart? {
        if case .message(let message) = body { message } else { nil }
    }
}
