import Core

/// The tracked links of a job, numbered by what their targets say.
struct LinkRegistry {
    private(set) var links: [LinkInfo] = []
    private var ids: [String: Int] = [:]

    mutating func id(for target: String, at place: Place) -> Int {
        if let known = ids[target] { return known }
        let id = links.count + 1
        ids[target] = id
        links.append(LinkInfo(id: id, target: target, place: place))
        return id
    }

    /// What a target says, with its tags as a template has them.
    static func text(of pieces: [TemplatePiece]) -> String {
        var text: [UInt8] = []
        var open: [String] = []
        for piece in pieces {
            switch piece {
            case .bytes(let bytes): text += bytes
            case .cell(let value, _): text += Array("{{\(value.name)}}".utf8)
            case .open(let condition):
                open.append(condition.name)
                text += Array(condition.text.utf8)
            case .close: text += Array("{{/\(open.popLast() ?? "")}}".utf8)
            default: break
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
