internal import Web

/// What a request comes to.
enum Reply {
    /// An answer, and nothing else.
    case answer(WebAnswer)
    /// Events to be made durable first, then `done`; if that fails, `failed`.
    case record([Event], done: WebAnswer, failed: WebAnswer)
    /// It is none of ours: the page that says so.
    case unknown
}

/// Answers the requests for one kind of path, `/LETTER/REST`.
///
/// A pure function: what must last is in the reply, and whoever called sees to it.
protocol PathHandler: Sendable {
    /// Whether `POST` does something here, besides `GET` and `HEAD`.
    var takesPost: Bool { get }

    /// The reply to a GET, a HEAD or, where it does something, a POST.
    ///
    /// To a HEAD the same as to a GET: its body is left out later.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - rest: What stands in the path behind `/LETTER/`.
    func reply(to request: WebRequest, _ rest: ArraySlice<UInt8>) -> Reply
}
