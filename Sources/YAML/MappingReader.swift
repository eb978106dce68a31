package import Core

/// Collects what is wrong with a file while reading goes on, so that a person can mend it all at once.
package final class ProblemList {
    package init() {}

    package private(set) var all: [Diagnostic] = []

    package func report(_ problem: String, at place: Place, fix: String = "") {
        all.append(Diagnostic(problem, at: place, fix: fix))
    }

    package func warn(_ problem: String, at place: Place, fix: String = "") {
        all.append(Diagnostic(problem, at: place, fix: fix, severity: .warning))
    }

    /// Throws what was found, in the file's order, unless it is only warnings.
    package func throwIfAny() throws(Diagnostics) {
        guard all.contains(where: { $0.severity == .error }) else { return }
        throw Diagnostics(
            all.enumerated().sorted { left, right in
                let a = left.element.place
                let b = right.element.place
                return (a?.line ?? 0, a?.column ?? 0, left.offset) < (b?.line ?? 0, b?.column ?? 0, right.offset)
            }.map(\.element)
        )
    }
}

/// A mapping whose keys are known beforehand: reports unknown ones, and reads values by key and type.
///
/// Every method gives `nil` for a value that is missing or wrong, having reported it; the caller goes on with the rest
/// and gives up at the end.
package struct MappingReader {
    /// Where the mapping belongs: `routes.main`; empty for the file itself.
    package let path: String
    /// What to point at when a key is missing.
    package let place: Place
    package let problems: ProblemList
    private let pairs: [YAMLNode.Pair]

    /// Takes a node that must be a mapping.
    package init?(
        _ node: YAMLNode,
        path: String = "",
        at place: Place? = nil,
        isItem: Bool = false,
        known: [String],
        problems: ProblemList
    ) {
        guard case .mapping(let pairs) = node.content else {
            let what = path.isEmpty ? "the file" : (isItem ? "each of " : "") + Words.quoted(path)
            problems.report(
                node.isNull && !path.isEmpty ? "\(what) has no value" : "\(what) must be a mapping, not \(node.kind)",
                at: node.place,
                fix: "write keys and values: \(Words.list(known))"
            )
            return nil
        }
        self.path = path
        self.place = place ?? node.place
        self.problems = problems
        self.pairs = pairs
        for pair in pairs where !known.contains(pair.key.value) {
            problems.report(
                "unknown key \(Words.quoted(pair.key.value))\(path.isEmpty ? "" : " in \(Words.quoted(path))")",
                at: pair.key.place,
                fix: Words.suggestion(for: pair.key.value, in: known, named: "known here:")
            )
        }
    }

    /// The key's place, where it is given.
    package func keyPlace(_ key: String) -> Place? {
        pairs.first { $0.key.value == key }?.key.place
    }

    /// The value as it stands, where it is given.
    package func value(_ key: String) -> YAMLNode? {
        pairs.first { $0.key.value == key }?.value
    }

    /// The key with where it belongs, for a sentence.
    package func name(_ key: String) -> String {
        Words.quoted(path.isEmpty ? key : "\(path).\(key)")
    }

    /// A value that is there and not empty.
    package func node(_ key: String, required: Bool = false) -> YAMLNode? {
        guard let pair = pairs.first(where: { $0.key.value == key }) else {
            if required { missing(key) }
            return nil
        }
        if pair.value.isNull {
            problems.report(
                "\(name(key)) has no value",
                at: pair.key.place,
                fix: required ? "write one" : "write one, or remove the line"
            )
            return nil
        }
        return pair.value
    }

    /// Reports a key that must be there and is not.
    package func missing(_ key: String, fix: String = "") {
        problems.report("\(name(key)) is missing", at: place, fix: fix.isEmpty ? "add `\(key): …`" : fix)
    }

    /// Reports a value of the wrong kind; `expected` follows "must be".
    package func wrong(_ name: String, _ node: YAMLNode, expected: String, fix: String = "") {
        problems.report("\(name) must be \(expected), not \(node.kind)", at: node.place, fix: fix)
    }

    /// Reports a text that is not what it should be; `expected` follows "must be".
    ///
    /// A text with an `@` is not repeated: in a host or a URL, a password may stand before it.
    package func wrong(_ name: String, _ text: Placed<String>, expected: String, fix: String = "") {
        let shown = text.value.contains("@") ? "" : ", not \(Words.quoted(text.value))"
        problems.report("\(name) must be \(expected)\(shown)", at: text.place, fix: fix)
    }
}
