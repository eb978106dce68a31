import Core

/// What a reader of the preference page wants of one kind of mail.
enum PreferenceChoice: String, CaseIterable, Sendable {
    /// No change, whatever it is.
    case keep
    /// No more of it.
    case stop
    /// An opt-out of theirs is taken back.
    case again
}

/// One line of what somebody chose.
struct PreferenceChange: Hashable, Sendable {
    var scope: SuppressionScope
    var choice: PreferenceChoice
}

extension Pages {
    /// The most kinds of mail that one page offers.
    static let mostLists = 100

    /// What the preference page offers: the site's lists, the message's own where it is none of them, and all mail.
    func offers(_ list: String) -> [SuppressionScope] {
        var scopes = lists.prefix(Self.mostLists).map(\.scope)
        if !list.isEmpty, !scopes.contains(.list(list)) { scopes.insert(.list(list), at: 0) }
        return scopes + [.all]
    }

    /// The preference page: for each kind of mail three choices, of which "leave as it is" is taken.
    func preferences(list: String, _ text: PageText) -> String {
        var form = #"<form method="post">"# + "\n"
        for (number, scope) in offers(list).enumerated() {
            let name = Self.field(of: scope)
            let help = scope == .all ? " aria-describedby=\"help\"" : ""
            form += "<fieldset\(help)><legend>\(Self.escaped(title(of: scope, text)))</legend>\n"
            if scope == .all { form += "<p id=\"help\">\(Self.escaped(text[.allMailHelp]))</p>\n" }
            for choice in PreferenceChoice.allCases {
                let id = "c\(number)-\(choice.rawValue)"
                form +=
                    "<label for=\"\(id)\"><input type=\"radio\" id=\"\(id)\" name=\"\(Self.escaped(name))\" "
                    + "value=\"\(choice.rawValue)\"\(choice == .keep ? " checked" : "")>"
                    + "\(Self.escaped(text[choice.word]))</label>\n"
            }
            form += "</fieldset>\n"
        }
        form += "<p><button type=\"submit\">\(Self.escaped(text[.save]))</button></p>\n</form>\n"
        return page(
            text,
            title: text[.preferences],
            body: paragraph(text[.preferencesHelp]) + form + paragraph(text[.noMemory]),
            languages: true
        )
    }

    /// The page after the choices are on record.
    func saved(_ changes: [PreferenceChange], _ text: PageText) -> String {
        guard !changes.isEmpty else {
            return page(text, title: text[.nothingChosenTitle], body: paragraph(text[.nothingChosen]))
        }
        var body = ""
        for (choice, word) in [(PreferenceChoice.stop, PageText.Word.stopped), (.again, .againFrom)] {
            let chosen = changes.filter { $0.choice == choice }
            if chosen.isEmpty { continue }
            body += paragraph(text[word]) + "<ul>\n"
            for change in chosen { body += "<li>\(Self.escaped(title(of: change.scope, text)))</li>\n" }
            body += "</ul>\n"
            if choice == .again { body += paragraph(text[.againHelp]) }
        }
        return page(text, title: text[.savedTitle], body: body)
    }

    /// What a form says, of what the page offers; anything else in it is nothing to us.
    func changes(list: String, _ form: FormFields) -> [PreferenceChange] {
        offers(list).compactMap { scope in
            let choice = form[Self.field(of: scope)].flatMap(PreferenceChoice.init(rawValue:)) ?? .keep
            return choice == .keep ? nil : PreferenceChange(scope: scope, choice: choice)
        }
    }

    /// The name of a scope's field in the form.
    static func field(of scope: SuppressionScope) -> String {
        switch scope {
        case .all: "all"
        case .marketing: "marketing"
        case .list(let name): "list.\(name)"
        }
    }
}

extension PreferenceChoice {
    var word: PageText.Word {
        switch self {
        case .keep: .keep
        case .stop: .stop
        case .again: .again
        }
    }
}
