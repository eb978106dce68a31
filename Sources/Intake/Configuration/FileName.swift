/// What a file may be called: the rules for names that manifests, rows and the site's configuration give.
///
/// The rules are about text and come first; opening the file goes through descriptors that cannot leave the folder
/// whatever the name is.
public enum FileName {
    /// Which rules hold.
    public enum Rules: Sendable {
        /// For names in a job's folder, from a manifest or a row.
        case job
        /// For such names with template tags in them; what a tag gives is checked when it is known.
        case jobTemplate
        /// For the site's own configuration: paths may be absolute.
        case site
    }

    /// Why a name is refused; the name itself is not part of it.
    public enum Refused: String, Error, CaseIterable, Sendable {
        /// Nothing there.
        case empty
        /// Too long for a file system.
        case length
        /// A control character, NUL included.
        case control
        /// A backslash.
        case backslash
        /// A URL or a drive letter.
        case url
        /// A path from the root.
        case absolute
        /// A path from somebody's home.
        case home
        /// A way up.
        case parent
        /// A part that is empty or `.`.
        case part
        /// An encoded character.
        case percent
        /// What a shell would run.
        case shell
        /// The name of an upload under way.
        case unfinished
        /// A name that we write or that steers a job.
        case ours
        /// The recipient file, which holds everybody's data.
        case recipients

        /// What the rule is, as a clause.
        public var rule: String {
            switch self {
            case .empty: "a file needs a name"
            case .length: "a path can have 1024 bytes and each part 255"
            case .control: "a file name cannot hold control characters"
            case .backslash: "a backslash is not allowed; folders are separated by /"
            case .url: "nothing is fetched from elsewhere; only files of the folder are read"
            case .absolute: "a path from the root leaves the folder"
            case .home: "~ stands for a home directory, which is outside the folder"
            case .parent: "`..` leads out of the folder"
            case .part: "a part of the path is empty or `.`"
            case .percent: "% and two hexadecimal digits are an encoded character, which is not decoded"
            case .shell: "$( ), ${ } and backticks are not run"
            case .unfinished: "the name looks like an upload that is not finished"
            case .ours: "Wardpost itself reads or writes a file of that name"
            case .recipients: "the recipient file holds everybody's data and is never sent"
            }
        }
    }

    /// The names that Wardpost reads or writes in a job's folder.
    public static let reserved = JobFiles.written.union(JobFiles.Control.allCases.map(\.rawValue)).union([
        JobFiles.manifest, JobFiles.checksums,
    ])

    /// Checks a name.
    public static func check(_ name: String, _ rules: Rules = .job) throws(Refused) {
        try check(Array(name.utf8)[...], rules)
    }

    /// Checks a name's bytes, which are UTF-8.
    public static func check(_ name: ArraySlice<UInt8>, _ rules: Rules = .job) throws(Refused) {
        guard !name.isEmpty else { throw .empty }
        guard rules == .jobTemplate else { return try check(Name(bytes: name), rules) }
        try check(Name(bytes: withoutTags(name)), .job)
    }

    private static func check(_ name: Name, _ rules: Rules) throws(Refused) {
        guard name.bytes.count <= 1_024 else { throw .length }
        if name.hasControl { throw .control }
        if name.bytes.contains(UInt8(ascii: "\\")) { throw .backslash }
        if name.isURL { throw .url }
        if name.hasPercent { throw .percent }
        if name.hasShell { throw .shell }
        var parts = name.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if name.bytes.first == UInt8(ascii: "/") {
            guard rules == .site else { throw .absolute }
            parts.removeFirst()
        }
        for part in parts {
            if part.elementsEqual("..".utf8) { throw .parent }
            if part.isEmpty || part.elementsEqual(".".utf8) { throw .part }
            guard part.count <= 255 else { throw .length }
            if part.first == UInt8(ascii: "~") { throw .home }
            if rules != .site, JobFiles.isUnfinished(String(decoding: part, as: UTF8.self)) { throw .unfinished }
        }
        if rules != .site, parts.count == 1, reserved.contains(String(decoding: parts[0], as: UTF8.self)) {
            throw .ours
        }
    }

    /// The text with each `{{tag}}` replaced by a letter, so that the rules hold for what stands around tags.
    private static func withoutTags(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var result: [UInt8] = []
        var rest = name
        let open = UInt8(ascii: "{")
        let close = UInt8(ascii: "}")
        while let byte = rest.first {
            let next = rest.dropFirst()
            if byte == open, next.first == open,
                let end = zip(next.indices, next.indices.dropFirst())
                    .first(where: { next[$0] == close && next[$1] == close })?.1
            {
                result.append(UInt8(ascii: "x"))
                rest = rest[(end + 1)...].drop { $0 == close }
            } else {
                result.append(byte)
                rest = next
            }
        }
        return result[...]
    }

    private struct Name {
        var bytes: ArraySlice<UInt8>

        var hasControl: Bool {
            String(decoding: bytes, as: UTF8.self).unicodeScalars.contains { scalar in
                let category = scalar.properties.generalCategory
                return category == .control || category == .format || category == .lineSeparator
                    || category == .paragraphSeparator || scalar == "\u{FFFD}"
            }
        }

        var isURL: Bool {
            let text = String(decoding: bytes.prefix(32), as: UTF8.self).lowercased()
            if String(decoding: bytes, as: UTF8.self).contains("://") { return true }
            if ["file:", "http:", "https:", "ftp:", "sftp:", "data:", "smb:", "mailto:"].contains(where: text.hasPrefix)
            {
                return true
            }
            let letters = Array(text.utf8.prefix(2))
            return letters.count == 2 && (0x61...0x7A).contains(letters[0]) && letters[1] == UInt8(ascii: ":")
        }

        var hasPercent: Bool {
            zip(bytes.indices, bytes).contains { index, byte in
                byte == UInt8(ascii: "%") && bytes[index...].count > 2
                    && Self.isHex(bytes[index + 1]) && Self.isHex(bytes[index + 2])
            }
        }

        var hasShell: Bool {
            bytes.contains(UInt8(ascii: "`"))
                || zip(bytes, bytes.dropFirst()).contains { $0 == UInt8(ascii: "$") && "({".utf8.contains($1) }
        }

        private static func isHex(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
        }
    }
}
