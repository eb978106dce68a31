import Core

extension JobStatus {
    /// The state and the sentence that a `status.json` of ours has; `nil` if it is none.
    ///
    /// Reads the lines that ``text`` writes, and no other JSON: for people who ask how a job stands that another process works.
    public static func standing(in bytes: [UInt8]) -> (state: JobState, message: String)? {
        var state: JobState?
        var message: String?
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            if let value = member("state", in: line) { state = state ?? JobState(rawValue: value) }
            if let value = member("message", in: line) { message = message ?? value }
        }
        guard let state, let message else { return nil }
        return (state, message)
    }

    /// A text that stands at the outermost level; what a terminal would act on is left out.
    private static func member(_ name: String, in line: ArraySlice<UInt8>) -> String? {
        let start = Array("  \"\(name)\": \"".utf8)
        guard line.starts(with: start) else { return nil }
        var text: [UInt8] = []
        var rest = line.dropFirst(start.count)
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            guard let escaped = rest.popFirst() else { return nil }
            guard escaped == UInt8(ascii: "u") else {
                text.append(escaped)
                continue
            }
            let digits = String(decoding: rest.prefix(4), as: UTF8.self)
            rest = rest.dropFirst(4)
            guard let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) else { return nil }
            text += Array(String(Character(scalar)).utf8)
        }
        var clean = ""
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars where HeaderValue.allows(scalar) {
            clean.unicodeScalars.append(scalar)
        }
        return clean
    }
}
