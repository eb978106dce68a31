import Core

/// What a tag may do where it stands.
extension HTMLScanner {
    /// Puts a cell in its place, escaped for it, or says why it cannot stand there.
    mutating func place(_ value: TemplateValue) {
        let tag = value.unescaped ? "{{{\(value.name)}}}" : "{{\(value.name)}}"
        guard isAllowed(tag, value.place) else { return }
        if value.unescaped, !checkUnescaped(value, tag) { return }
        if context.state == .beforeValue { startUnquotedValue(at: value.place) }
        var escape = Escape.html
        if context.state == .value {
            escape = context.quote == .none ? .unquoted : .html
            if context.kind == .url || context.kind == .urls {
                guard let inURL = placeInURL(value, tag) else { return }
                escape = inURL
            }
            if escape == .unquoted || escape == .url && context.quote == .none,
                columns.defaults[value.name]?.isEmpty == true
            {
                report(
                    "\(tag) may be empty here, where the value has no quotes",
                    value.place,
                    "put the value in quotes"
                )
            }
        } else if value.unescaped {
            escape = .none
        }
        if context.state == .text, context.bareURL.isInURL, !value.binding.isPage,
            !columns.plain.contains(value.name)
        {
            refusePHIInURL(value.name, value.place)
        }
        items.append(.value(value, escape))
    }

    /// Puts a constant's text in its place; it is as good as template text, but for its escaping.
    mutating func place(constant text: [UInt8], named name: String, at place: Place) {
        let tag = "{{\(name)}}"
        guard isAllowed(tag, place) else { return }
        if context.state == .beforeValue { startUnquotedValue(at: place) }
        guard context.state == .value else {
            let escaped = Escape.html.escaped(text)
            if context.state == .text { context.bareURL.feed(text[...]) }
            items.append(context.state == .text ? .text(escaped) : .hidden(escaped))
            return
        }
        let quoting = context.quote == .none ? Escape.unquoted : .html
        guard context.kind == .url || context.kind == .urls else {
            items.append(.attributeText(quoting.escaped(text)))
            return
        }
        let isInside = context.urlPart == .inside
        let bytes = isInside ? Escape.url.escaped(text) : quoting.escaped(text)
        // At a URL's start the constant has to say itself where it leads.
        let isSafe = text.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\"'<>\\`{}|^".utf8.contains($0) }
        if !isInside, !isSafe || URLPart(of: context.urlPrefix + text + [UInt8(ascii: "/")]) != .inside {
            refuseUndecided(tag, place)
            return
        }
        items.append(.attributeText(bytes))
        context.urlPrefix += bytes
    }

    private mutating func startUnquotedValue(at place: Place) {
        context.quote = .none
        startValue(at: place)
    }

    /// Whether any value may stand in this state.
    private mutating func isAllowed(_ tag: String, _ place: Place) -> Bool {
        switch context.state {
        case .text where context.foreignDepth > 0:
            report("\(tag) stands inside <svg> or <math>", place, "mail programs do not show them: use an image")
        case .text:
            return true
        case .rawText:
            return isAllowedInRawText(tag, place)
        case .tagOpen, .afterTagName:
            report("\(tag) stands in a tag's name", place, "write the name itself, or &lt; if the < is meant as text")
            context.state = context.state == .tagOpen ? .text : .beforeAttribute
        case .beforeAttribute, .attributeName, .afterAttributeName, .afterValue, .separator:
            report(
                "\(tag) stands where an attribute's name belongs",
                place,
                "write the attribute itself, inside a section if it depends on the row"
            )
            // Whatever follows belongs to the attribute that the tag would have made.
            context.state = .attributeName
        case .comment:
            report("\(tag) stands in an HTML comment", place, "take it out, or write {{! … }} for a remark")
        case .declaration:
            report("\(tag) stands in a declaration", place, "take it out")
        case .beforeValue, .value:
            return isAllowedInAttribute(tag, place)
        }
        return false
    }

    private mutating func isAllowedInRawText(_ tag: String, _ place: Place) -> Bool {
        switch context.element {
        case "title", "textarea":
            return true
        case "style":
            report(
                "\(tag) stands in <style>, where no escaping is safe",
                place,
                "choose between fixed rules with a section"
            )
        case "script":
            report(
                "\(tag) stands in <script>, where no escaping is safe",
                place,
                "mail programs run no scripts: take it out"
            )
        default:
            report("\(tag) stands in <\(context.element)>, which holds no text", place, "take it out")
        }
        return false
    }

    private mutating func isAllowedInAttribute(_ tag: String, _ place: Place) -> Bool {
        let attribute = context.attribute
        guard !context.isEndTag else {
            report("\(tag) stands in an end tag", place, "take it out")
            return false
        }
        guard context.foreignDepth == 0 else {
            report("\(tag) stands inside <svg> or <math>", place, "mail programs do not show them: use an image")
            return false
        }
        switch HTMLAttributeKind(attribute) {
        case .plain, .url, .urls:
            return true
        case .style:
            report(
                "\(tag) stands in a style, where no escaping is safe",
                place,
                "choose between fixed styles with a section"
            )
        case .script:
            report("\(tag) stands in the script of \(attribute)", place, "mail programs run no scripts: take it out")
        case .document:
            report("\(tag) stands in \(attribute), a document of its own", place, "take it out")
        case .control:
            report(
                "\(tag) stands in \(attribute), which changes what <\(context.element)> does",
                place,
                "write the value itself, inside a section if it depends on the row"
            )
        }
        return false
    }

    private mutating func checkUnescaped(_ value: TemplateValue, _ tag: String) -> Bool {
        guard columns.trustedHTML.contains(value.name) else {
            report(
                "\(tag) would put the cell in unescaped",
                value.place,
                "write {{\(value.name)}}, or list the column under trusted_html"
            )
            return false
        }
        guard context.state == .text else {
            report("\(tag) stands in \(context.name), where HTML has no place", value.place, "write {{\(value.name)}}")
            return false
        }
        return true
    }

    private mutating func placeInURL(_ value: TemplateValue, _ tag: String) -> Escape? {
        if value.binding.isPage {
            guard context.urlPrefix.isEmpty else {
                report(
                    "\(tag) is a whole address and stands behind another",
                    value.place,
                    "let it stand alone in the quotes"
                )
                return nil
            }
            context.urlPrefix += Array("https://host/".utf8)
            return context.quote == .none ? .unquoted : .html
        }
        guard columns.plain.contains(value.name) else {
            refusePHIInURL(value.name, value.place)
            return nil
        }
        switch context.urlPart {
        case .inside:
            context.urlPrefix.append(UInt8(ascii: "x"))
            return .url
        case .undecided:
            refuseUndecided(tag, value.place)
        case .refused(let scheme):
            report("\(tag) stands in a \(scheme): address", value.place, "use an https: address")
        }
        return nil
    }

    private mutating func refuseUndecided(_ tag: String, _ place: Place) {
        report(
            "\(tag) would decide where the address in \(context.attribute) leads",
            place,
            "write https://, the host and a / in the template, and the tag behind them"
        )
    }

    mutating func refusePHIInURL(_ name: String, _ place: Place) {
        report(
            "column \(name) is PHI and cannot stand in a URL",
            place,
            "take it out, or list the column under plain if it is not PHI"
        )
    }
}
