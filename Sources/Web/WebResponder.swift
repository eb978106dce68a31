/// Answers requests; one for each event loop, which calls it and nobody else does.
package protocol WebResponder: AnyObject {
    /// Answers a request, at once or later, on the same event loop.
    func respond(to request: WebRequest, _ exchange: any WebExchange)
}

/// One request under way.
package protocol WebExchange: AnyObject {
    /// Sends the answer, once; nothing happens if the client is gone.
    func answer(_ answer: WebAnswer)
}
