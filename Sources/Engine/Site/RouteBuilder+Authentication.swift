import CLinux
import Core
import Delivery
import Glibc
import Intake
import OpenSSL

/// Reads what a route proves itself with.
extension RouteBuilder {
    /// The certificate and key that the route shows, if it has one.
    func clientCertificate(_ relay: SiteConfiguration.Relay) throws(EngineError) -> ClientCertificate? {
        guard let files = relay.clientCertificate else { return nil }
        let chain = try site.file(files.certificate)
        let key = SecretBytes(copying: try site.secretFile(files.key))
        do {
            return try ClientCertificate(chainPEM: chain, keyPEM: key, now: Timestamp.now.seconds)
        } catch {
            let isKey = [.privateKeyUnreadable, .privateKeyEncrypted, .keyMismatch].contains(error.code)
            throw EngineError(.configuration, "\(error)", at: isKey ? files.key.place : files.certificate.place)
        }
    }

    /// The credentials that the route presents.
    func credentials(
        _ authentication: SiteConfiguration.Authentication,
        route: String
    ) throws(EngineError) -> RouteSettings.Credentials {
        let secret: RouteSettings.Credentials.Secret
        if let file = authentication.passwordFile {
            secret = .password(Protected(try password(file)))
        } else if authentication.tokenFile != nil || !authentication.tokenCommand.isEmpty {
            secret = .token(try tokens(authentication, route: route))
        } else {
            secret = .certificate
        }
        let credentials = RouteSettings.Credentials(
            username: authentication.username?.value ?? "",
            secret: secret,
            mechanism: authentication.mechanism.flatMap { Mechanism(rawValue: $0.value.rawValue) }
        )
        if let problem = credentials.problem {
            let place = authentication.mechanism?.place ?? authentication.username?.place
            throw EngineError(.configuration, problem, at: place)
        }
        return credentials
    }

    private func password(_ file: Placed<String>) throws(EngineError) -> String {
        let bytes = try site.secretFile(file)
        // The line end that every editor adds is not part of the password.
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        let password = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        guard !password.isEmpty else {
            throw EngineError(.configuration, "the password file is empty", at: file.place)
        }
        guard !password.contains(0), let text = String(validating: password, as: UTF8.self) else {
            throw EngineError(.configuration, "the password is no UTF-8 text", at: file.place)
        }
        return text
    }

    /// The route's tokens, made once for all its jobs; a file or a program that cannot be used is refused at once.
    private func tokens(
        _ authentication: SiteConfiguration.Authentication,
        route: String
    ) throws(EngineError) -> RouteTokens {
        let lifetime = authentication.tokenLifetime?.value
        if let file = authentication.tokenFile {
            _ = try site.secretFile(file)
            return site.tokens.tokens(of: route) { [site] in
                RouteTokens { () throws(TokenProblem) in
                    let bytes: [UInt8]
                    do {
                        bytes = try site.secretFile(file)
                    } catch {
                        throw TokenProblem("the token file cannot be read", isTemporary: true)
                    }
                    // Read before every connection: whoever renews the file need not tell us.
                    var fetched = try TokenText.read(bytes, lifetime: nil, from: "the token file")
                    fetched.lifetime = 0
                    return fetched
                }
            }
        }
        let words = authentication.tokenCommand
        guard let program = words.first else { throw EngineError(.configuration, "there is no token command") }
        let path = site.absolute(program.value)
        try checkProgram(path, program.place)
        let command = TokenCommand(words: [path] + words.dropFirst().map(\.value), directory: site.absolute("."))
        return site.tokens.tokens(of: route) {
            RouteTokens { () throws(TokenProblem) in
                try TokenText.read(try command.run(), lifetime: lifetime, from: "the token command")
            }
        }
    }

    /// A program that others can write or replace is theirs, and would run as us.
    private func checkProgram(_ path: String, _ place: Place) throws(EngineError) {
        // Programs are often links, which files of the site may not be.
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "errno \(errno)"
            throw EngineError(.configuration, "the token command cannot be used: \(reason)", at: place)
        }
        guard status.st_mode & S_IFMT == S_IFREG, unsafe access(path, X_OK) == 0 else {
            throw EngineError(.configuration, "the token command is no program that we may run", at: place)
        }
        guard status.st_mode & 0o022 == 0 else {
            throw EngineError(
                .configuration,
                "others than its owner can write the token command",
                at: place,
                fix: "chmod go-w it"
            )
        }
        try checkHands(status.st_uid, "the token command", place)
        // Whoever can write its directory, or that of a link to it, can put another program in its place.
        for name in [path, Self.realPath(path)] {
            let directory = name.lastIndex(of: "/").map { String(name[...$0]) } ?? "/"
            guard unsafe stat(directory, &status) == 0, status.st_mode & 0o022 == 0 || status.st_mode & 0o1000 != 0
            else {
                throw EngineError(
                    .configuration,
                    "others than its owner can write the token command's directory, and put another program there",
                    at: place,
                    fix: "chmod go-w \(directory)"
                )
            }
            try checkHands(status.st_uid, "the token command's directory", place)
        }
    }

    /// Refuses what belongs to somebody who is neither root, nor the service account, nor the one who writes the configuration.
    private func checkHands(_ owner: uid_t, _ what: String, _ place: Place) throws(EngineError) {
        guard owner != 0, owner != geteuid(), owner != site.owner else { return }
        throw EngineError(
            .configuration,
            "\(what) belongs to another account, which would decide what is run as this one",
            at: place,
            fix: "chown it to root or to the service account"
        )
    }

    private static func realPath(_ path: String) -> String {
        guard let resolved = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }
}
