/// Which answer of a server is being awaited, or was given.
enum Stage: String, CaseIterable, Hashable, Sendable {
    case greeting
    case hello = "EHLO"
    case startTLS = "STARTTLS"
    case authentication = "AUTH"
    case reset = "RSET"
    case mail = "MAIL"
    case recipient = "RCPT"
    case data = "DATA"
    /// The message's content on its way, before its end.
    case content
    /// The answer to the message's end: from here on nobody but the server knows.
    case end = "the message's end"
    case quit = "QUIT"
}

extension Timeouts {
    /// How long the answer at a stage may take; `octets` of content are on their way before it.
    func limit(for stage: Stage, octets: Int = 0) -> Duration {
        switch stage {
        case .greeting: greeting
        case .hello, .startTLS, .authentication, .reset: command
        case .mail: mail
        case .recipient: recipient
        case .data: data
        case .content: block * blocks(octets)
        case .end: end + block * (blocks(octets) - 1)
        case .quit: quit
        }
    }

    private func blocks(_ octets: Int) -> Int {
        max(1, (octets + 0xFFFFF) >> 20)
    }
}
