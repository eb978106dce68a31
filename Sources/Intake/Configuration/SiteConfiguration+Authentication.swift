import Core
import YAML

extension SiteConfiguration {
    /// The keys of `auth`.
    static let authenticationKeys = [
        "username", "password_file", "mechanism", "token_command", "token_file", "token_lifetime",
    ]

    /// For how many seconds a token may be good.
    static let allowedTokenLifetimes = 10...86_400

    /// Reads `client_certificate` and `client_key`: both or none.
    static func clientCertificate(_ reader: MappingReader) -> ClientCertificate? {
        let certificate = reader.fileName("client_certificate", rules: .site)
        let key = reader.fileName("client_key", rules: .site)
        for (given, missing) in [("client_certificate", "client_key"), ("client_key", "client_certificate")] {
            guard let place = reader.keyPlace(given), reader.keyPlace(missing) == nil else { continue }
            reader.problems.report(
                "\(reader.name(given)) needs \(Words.quoted(missing))",
                at: place,
                fix: "add `\(missing): …`, a PEM file"
            )
        }
        guard let certificate, let key else { return nil }
        return ClientCertificate(certificate: certificate, key: key)
    }

    /// Reads `auth`.
    static func authentication(_ reader: MappingReader) -> Authentication? {
        guard let node = reader.node("auth") else { return nil }
        if case .mapping(let pairs) = node.content, let place = secretPlace(pairs) {
            let word = place.isToken ? "token" : "password"
            reader.problems.report(
                "a \(word) does not belong into this file",
                at: place.place,
                fix: "write it into a file with mode 0600, and name that file as `\(word)_file`"
            )
            return nil
        }
        let problems = reader.problems.all.count
        guard let fields = reader.mapping("auth", known: authenticationKeys) else { return nil }
        let mechanism: Placed<Mechanism>? = fields.choice("mechanism")
        let authentication = Authentication(
            username: fields.text("username"),
            passwordFile: fields.fileName("password_file", rules: .site),
            tokenCommand: tokenCommand(fields),
            tokenFile: fields.fileName("token_file", rules: .site),
            tokenLifetime: fields.number("token_lifetime", in: allowedTokenLifetimes),
            mechanism: mechanism
        )
        // A key that was misspelt is not missed, too.
        guard fields.problems.all.count == problems else { return nil }
        check(authentication, fields, hasCertificate: reader.keyPlace("client_certificate") != nil)
        return fields.problems.all.count == problems ? authentication : nil
    }

    /// A key under which people write the secret itself.
    private static func secretPlace(_ pairs: [YAMLNode.Pair]) -> (place: Place, isToken: Bool)? {
        for pair in pairs {
            if ["password", "pass", "secret"].contains(pair.key.value) { return (pair.key.place, false) }
            if ["token", "access_token", "bearer"].contains(pair.key.value) { return (pair.key.place, true) }
        }
        return nil
    }

    /// A program and its arguments, run without a shell.
    private static func tokenCommand(_ fields: MappingReader) -> [Placed<String>] {
        guard let node = fields.node("token_command") else { return [] }
        guard case .sequence(let items) = node.content else {
            fields.wrong(
                fields.name("token_command"),
                node,
                expected: "a list of a program and its arguments",
                fix: "write it in brackets, [/usr/local/bin/token, --for, relay]; no shell reads it"
            )
            return []
        }
        let words = items.compactMap { fields.text(named: "each of \(fields.name("token_command"))", $0) }
        guard let program = words.first else {
            if items.isEmpty {
                fields.problems.report(
                    "\(fields.name("token_command")) is empty",
                    at: node.place,
                    fix: "name a program"
                )
            }
            return []
        }
        guard program.value.contains("/") else {
            fields.problems.report(
                "the program \(Words.quoted(program.value)) has no path, and none is searched",
                at: program.place,
                fix: "write its path: absolute, or relative to the site with a / in it"
            )
            return []
        }
        do throws(FileName.Refused) {
            try FileName.check(program.value, .site)
        } catch {
            fields.problems.report(
                "\(fields.name("token_command")) cannot start with \(Words.quoted(program.value)): \(error.rule)",
                at: program.place,
                fix: "write a path below the site, or an absolute one"
            )
            return []
        }
        return words
    }

    /// What must go together, and what cannot.
    private static func check(_ authentication: Authentication, _ fields: MappingReader, hasCertificate: Bool) {
        let sources = ["password_file", "token_command", "token_file"].filter { fields.keyPlace($0) != nil }
        if sources.count > 1, let place = fields.keyPlace(sources[1]) {
            fields.problems.report(
                "\(fields.name(sources[1])) does not go with \(Words.quoted(sources[0]))",
                at: place,
                fix: "keep one of them"
            )
        }
        let mechanism = authentication.mechanism
        guard let source = sources.first else {
            if let mechanism, mechanism.value != .external {
                return fields.missing(mechanism.value.takesToken ? "token_command" : "password_file")
            }
            guard mechanism != nil || hasCertificate else { return fields.missing("password_file") }
            if !hasCertificate, let mechanism {
                fields.problems.report(
                    "EXTERNAL needs a client certificate",
                    at: mechanism.place,
                    fix: "add `client_certificate` and `client_key` to the route"
                )
            }
            return noLifetime(authentication, fields)
        }
        if authentication.username == nil { fields.missing("username") }
        if source == "password_file" { noLifetime(authentication, fields) }
        let isToken = source != "password_file"
        if let mechanism, mechanism.value == .external || mechanism.value.takesToken != isToken {
            let goes = Mechanism.allCases.filter { $0 != .external && $0.takesToken == isToken }
            fields.problems.report(
                "\(mechanism.value.rawValue) does not go with \(Words.quoted(source))",
                at: mechanism.place,
                fix: "write \(Words.list(goes.map(\.rawValue))), or leave it out"
            )
        }
    }

    private static func noLifetime(_ authentication: Authentication, _ fields: MappingReader) {
        guard let lifetime = authentication.tokenLifetime else { return }
        fields.problems.report(
            "\(fields.name("token_lifetime")) is for tokens, and there is none",
            at: lifetime.place,
            fix: "remove the line"
        )
    }
}

extension SiteConfiguration.Mechanism {
    /// Whether a token is what it presents.
    var takesToken: Bool { self == .oauthBearer || self == .xoauth2 }
}
