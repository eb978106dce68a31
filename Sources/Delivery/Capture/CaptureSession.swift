import Core
import NIOCore
import OpenSSL

/// A receiving server's side of SMTP (RFC 5321), without any I/O: bytes in, answers out, and what is to be done.
struct CaptureSession {
    /// What is to be done before the next step.
    enum Step {
        /// More bytes are needed.
        case needsInput
        /// Send what was answered, forget what came behind, and start TLS.
        case startTLS
        /// Store the message, then say so with ``answer(to:into:)``.
        case message(Incoming)
        /// Send what was answered and close.
        case close
    }

    /// A message whose end has come.
    struct Incoming {
        var transaction: Transaction
        /// The message, still dot-stuffed.
        var data: ByteBuffer
        /// Whether there is a dot to unstuff.
        var hasDots: Bool
    }

    /// Sender and recipients.
    struct Transaction {
        var sender: String
        var recipients: [String] = []
        var parameters: [String]
    }

    private enum State {
        case command
        case data(CaptureData)
        /// Waiting for the answer to the message.
        case storing
        case authPlain
        case authName
        case authPassword(name: [UInt8])
        case over
    }

    private let options: CaptureOptions
    private var state = State.command
    private var isSecure: Bool
    private var isGreeted = false
    private var isAuthenticated = false
    private var transaction: Transaction?
    private var mistakes = 0

    /// How many commands were refused because TLS had not started.
    private(set) var refusedInClear = 0

    private static let longestLine = 12_288
    private static let mostMistakes = 20
    private static let mostRecipients = 1_000

    /// A session before its greeting.
    init(_ options: CaptureOptions) {
        self.options = options
        isSecure = false
    }

    /// Greets a client.
    func greet(into output: inout ByteBuffer) {
        output.writeString("220 \(options.name) ESMTP capture\r\n")
    }

    /// Notes that TLS is up: all that was said before is forgotten (RFC 3207 section 4.2).
    mutating func secured() {
        isSecure = true
        isGreeted = false
        transaction = nil
        state = .command
    }

    /// Works on the bytes that came, up to the next thing to be done.
    mutating func next(_ input: inout ByteBuffer, into output: inout ByteBuffer) -> Step {
        while true {
            switch state {
            case .over, .storing:
                return .needsInput
            case .data(var data):
                guard case .end(let count, let terminator) = data.look(at: input) else {
                    if input.readableBytes > options.maximumSize { data.discard(from: &input) }
                    state = .data(data)
                    return .needsInput
                }
                if let message = finish(data, count: count, terminator: terminator, &input, into: &output) {
                    return .message(message)
                }
            case .command, .authPlain, .authName, .authPassword:
                guard let line = readLine(&input, into: &output) else {
                    if case .over = state { return .close }
                    return .needsInput
                }
                if let step = answer(line, into: &output) { return step }
            }
        }
    }

    /// Answers a message that was stored, refused, or could not be stored.
    mutating func answer(to message: CaptureRule.Action, into output: inout ByteBuffer) {
        state = .command
        switch message {
        case .accept: output.writeStaticString("250 2.0.0 taken\r\n")
        case .answer(let code, let text): output.writeString("\(code) \(text)\r\n")
        case .drop: state = .over
        case .silence: state = .storing
        }
    }

    // MARK: Lines

    /// A line without its CR LF; `nil` if none is whole, or after a refusal of what is no line.
    private mutating func readLine(_ input: inout ByteBuffer, into output: inout ByteBuffer) -> ArraySlice<UInt8>? {
        while true {
            guard let length = input.readableBytesView.firstIndex(of: 0x0A).map({ $0 - input.readerIndex }) else {
                if input.readableBytes > Self.longestLine { endSession(&output, "500 5.5.6 line too long") }
                return nil
            }
            guard length < Self.longestLine, let line = input.readBytes(length: length + 1) else {
                endSession(&output, "500 5.5.6 line too long")
                return nil
            }
            // A line break is CR LF; a lone LF (or CR, or NUL) is somebody's trick.
            guard length > 0, line[length - 1] == 0x0D,
                !line[..<(length - 1)].contains(where: { $0 == 0x0D || $0 == 0 })
            else {
                state = .command
                mistake(&output, "500 5.5.2 lines end in CR LF")
                if case .over = state { return nil }
                continue
            }
            return line[..<(length - 1)]
        }
    }

    private mutating func answer(_ line: ArraySlice<UInt8>, into output: inout ByteBuffer) -> Step? {
        switch state {
        case .authPlain, .authName, .authPassword:
            authenticate(with: line, into: &output)
        default:
            if let step = perform(CaptureCommand(line), into: &output) { return step }
        }
        if case .over = state { return .close }
        return nil
    }

    // MARK: Commands

    private mutating func perform(_ command: CaptureCommand, into output: inout ByteBuffer) -> Step? {
        switch command {
        case .ehlo:
            (isGreeted, transaction) = (true, nil)
            hello(into: &output)
        case .helo:
            (isGreeted, transaction) = (true, nil)
            output.writeString("250 \(options.name)\r\n")
        case .noop: output.writeStaticString("250 2.0.0 ok\r\n")
        case .reset:
            transaction = nil
            output.writeStaticString("250 2.0.0 ok\r\n")
        case .quit:
            endSession(&output, "221 2.0.0 goodbye")
        case .startTLS:
            guard options.tls == .startTLS, options.offers.contains(.startTLS), !isSecure else {
                mistake(&output, "503 5.5.1 no TLS to start")
                return nil
            }
            output.writeStaticString("220 2.0.0 go ahead\r\n")
            return .startTLS
        case .malformed: mistake(&output, "501 5.5.4 arguments not understood")
        case .unknown: mistake(&output, "500 5.5.1 command not known")
        case _ where !isSecure:
            refusedInClear += 1
            mistake(&output, "530 5.7.0 start TLS first")
        case .help: output.writeStaticString("214 2.0.0 this server keeps what it gets\r\n")
        case .verify: output.writeStaticString("252 2.1.5 send some mail and see\r\n")
        case .auth(let mechanism, let initial): startAuthentication(mechanism, initial, into: &output)
        case .mail(let path): mail(path, into: &output)
        case .recipient(let path): recipient(path, into: &output)
        case .data:
            guard let transaction, !transaction.recipients.isEmpty else {
                mistake(&output, transaction == nil ? "503 5.5.1 MAIL first" : "554 5.5.1 no valid recipients")
                return nil
            }
            output.writeStaticString("354 go ahead, end with a dot\r\n")
            state = .data(CaptureData())
        }
        return nil
    }

    private func hello(into output: inout ByteBuffer) {
        output.writeString("250-\(options.name)\r\n")
        if options.offers.contains(.pipelining) { output.writeStaticString("250-PIPELINING\r\n") }
        if options.offers.contains(.size) { output.writeString("250-SIZE \(options.maximumSize)\r\n") }
        if options.offers.contains(.eightBitMIME) { output.writeStaticString("250-8BITMIME\r\n") }
        if options.offers.contains(.smtpUTF8) { output.writeStaticString("250-SMTPUTF8\r\n") }
        if options.offers.contains(.startTLS), options.tls == .startTLS, !isSecure {
            output.writeStaticString("250-STARTTLS\r\n")
        }
        if options.credentials != nil, isSecure { output.writeStaticString("250-AUTH PLAIN LOGIN\r\n") }
        output.writeStaticString("250 ENHANCEDSTATUSCODES\r\n")
    }

    private mutating func mail(_ path: CaptureCommand.Path, into output: inout ByteBuffer) {
        guard isGreeted, transaction == nil else {
            return mistake(&output, isGreeted ? "503 5.5.1 one message at a time" : "503 5.5.1 EHLO first")
        }
        guard options.credentials == nil || isAuthenticated else {
            return mistake(&output, "530 5.7.0 authentication required")
        }
        for parameter in path.parameters {
            if let refusal = refusal(of: parameter) {
                output.writeString("\(refusal)\r\n")
                return
            }
        }
        transaction = Transaction(sender: path.mailbox, parameters: path.parameters)
        guard isTakeable(path.mailbox) else {
            transaction = nil
            output.writeStaticString("553 5.6.7 needs SMTPUTF8\r\n")
            return
        }
        output.writeStaticString("250 2.1.0 ok\r\n")
    }

    /// Why a parameter of MAIL cannot be; only what was offered can.
    private func refusal(of parameter: String) -> String? {
        let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        switch (parts[0].uppercased(), parts.count > 1 ? parts[1].uppercased() : nil) {
        case ("SIZE", let size?) where options.offers.contains(.size):
            guard let size = Int(size), size >= 0 else { return "501 5.5.4 SIZE is a number" }
            return size > options.maximumSize ? "552 5.3.4 message too large" : nil
        case ("BODY", "7BIT"?), ("BODY", "8BITMIME"?):
            return options.offers.contains(.eightBitMIME) ? nil : "555 5.5.4 8BITMIME was not offered"
        case ("SMTPUTF8", nil) where options.offers.contains(.smtpUTF8): return nil
        case ("AUTH", _?) where options.credentials != nil: return nil
        default: return "555 5.5.4 parameter was not offered"
        }
    }

    /// Whether a mailbox is ASCII, or the message said SMTPUTF8.
    private func isTakeable(_ mailbox: String) -> Bool {
        mailbox.utf8.allSatisfy { $0 < 0x80 }
            || transaction?.parameters.contains { $0.uppercased() == "SMTPUTF8" } ?? false
    }

    private mutating func recipient(_ path: CaptureCommand.Path, into output: inout ByteBuffer) {
        guard let recipients = transaction?.recipients else { return mistake(&output, "503 5.5.1 MAIL first") }
        guard !path.mailbox.isEmpty, path.parameters.isEmpty else {
            return mistake(
                &output,
                path.mailbox.isEmpty ? "501 5.1.3 no mailbox" : "555 5.5.4 parameter was not offered"
            )
        }
        guard isTakeable(path.mailbox) else {
            output.writeStaticString("553 5.6.7 needs SMTPUTF8\r\n")
            return
        }
        guard recipients.count < Self.mostRecipients else {
            output.writeStaticString("452 4.5.3 too many recipients\r\n")
            return
        }
        switch options.rule.action(.recipient, path.mailbox) {
        case .accept:
            transaction?.recipients.append(path.mailbox)
            output.writeStaticString("250 2.1.5 ok\r\n")
        case .answer(let code, let text): output.writeString("\(code) \(text)\r\n")
        case .drop: state = .over
        case .silence: state = .storing
        }
    }

    /// Takes the message off the input; `nil` if it was answered at once.
    private mutating func finish(
        _ data: CaptureData,
        count: Int,
        terminator: Int,
        _ input: inout ByteBuffer,
        into output: inout ByteBuffer
    ) -> Incoming? {
        state = .command
        defer { transaction = nil }
        guard let transaction, let message = input.readSlice(length: count) else { return nil }
        input.moveReaderIndex(forwardBy: terminator)
        guard !data.isTooLarge, count <= options.maximumSize else {
            output.writeStaticString("552 5.3.4 message too large\r\n")
            return nil
        }
        state = .storing
        return Incoming(transaction: transaction, data: message, hasDots: data.hasDots)
    }

    // MARK: Authentication

    private mutating func startAuthentication(
        _ mechanism: String,
        _ initial: [UInt8]?,
        into output: inout ByteBuffer
    ) {
        guard options.credentials != nil, isGreeted, !isAuthenticated, transaction == nil else {
            return mistake(&output, "503 5.5.1 not now")
        }
        switch (mechanism, initial) {
        case ("PLAIN", let initial?):
            state = .authPlain
            authenticate(with: initial[...], into: &output)
        case ("PLAIN", nil):
            state = .authPlain
            output.writeStaticString("334 \r\n")
        case ("LOGIN", let initial?):
            state = .authName
            authenticate(with: initial[...], into: &output)
        case ("LOGIN", nil):
            state = .authName
            output.writeStaticString("334 VXNlcm5hbWU6\r\n")
        default: mistake(&output, "504 5.5.4 mechanism not offered")
        }
    }

    private mutating func authenticate(with line: ArraySlice<UInt8>, into output: inout ByteBuffer) {
        let step = state
        state = .command
        guard line.first != UInt8(ascii: "*"), let response = decode(line) else {
            return mistake(&output, "501 5.5.2 cancelled")
        }
        switch step {
        case .authPlain:
            let parts = response.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map(Array.init)
            guard parts.count == 3 else { return mistake(&output, "501 5.5.2 not a PLAIN response") }
            judge(name: parts[1], password: parts[2], into: &output)
        case .authName:
            state = .authPassword(name: response)
            output.writeStaticString("334 UGFzc3dvcmQ6\r\n")
        case .authPassword(let name):
            judge(name: name, password: response, into: &output)
        default: break
        }
    }

    private mutating func judge(name: [UInt8], password: [UInt8], into output: inout ByteBuffer) {
        guard let wanted = options.credentials, constantTimeEqual(name, Array(wanted.username.utf8)),
            SecretBytes(copying: password) == wanted.password
        else { return mistake(&output, "535 5.7.8 credentials not accepted") }
        isAuthenticated = true
        output.writeStaticString("235 2.7.0 welcome\r\n")
    }

    /// Base64 with its padding, as the standard alphabet writes it; a lone `=` is an empty response.
    private func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var digits = text
        while digits.last == UInt8(ascii: "=") { digits.removeLast() }
        guard !digits.contains(where: { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }) else { return nil }
        return Base64.decodeURLSafe(
            digits.map {
                $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0
            }
        )
    }

    // MARK: Refusals

    private mutating func mistake(_ output: inout ByteBuffer, _ answer: StaticString) {
        output.writeStaticString(answer)
        output.writeStaticString("\r\n")
        mistakes += 1
        if mistakes >= Self.mostMistakes { endSession(&output, "421 4.7.0 too many mistakes") }
    }

    private mutating func endSession(_ output: inout ByteBuffer, _ answer: StaticString) {
        output.writeStaticString(answer)
        output.writeStaticString("\r\n")
        state = .over
    }
}
