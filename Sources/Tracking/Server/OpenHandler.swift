internal import Web

/// `/o/TOKEN.gif`: the picture that tells of an open.
struct OpenHandler: PathHandler {
    let seal: TokenSeal
    let visits: Visits

    var takesPost: Bool { false }

    func reply(to request: WebRequest, _ rest: ArraySlice<UInt8>) -> Reply {
        guard rest.suffix(4).elementsEqual(".gif".utf8), let content = seal.open(.open, rest.dropLast(4)) else {
            return .unknown
        }
        return .record([visits.event(.open, content, request)], done: .pixel, failed: .pixel)
    }
}
