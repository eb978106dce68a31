public import Core

/// The text of one template and where it stands, so that every problem can be shown in the file a person knows.
public struct TemplateSource: Sendable {
    /// The name by which a template includes it: `{{> name}}`, `{{< name}}`.
    public var name: String
    /// The file as a person knows it, relative to the job folder or the site.
    public var file: String
    /// The text, UTF-8.
    public var bytes: [UInt8]
    /// The line of the file on which the text starts, from 1.
    public var firstLine: Int
    /// The column of the file at which the text starts, from 1; a subject stands inside the manifest.
    public var firstColumn: Int

    /// Creates a source; the line and column are 1 unless the text stands inside another file.
    public init(name: String, file: String, bytes: [UInt8], firstLine: Int = 1, firstColumn: Int = 1) {
        self.name = name
        self.file = file
        self.bytes = bytes
        self.firstLine = firstLine
        self.firstColumn = firstColumn
    }
}

/// What the templates of a job may name: the columns of its recipient table and what may be done with each.
public struct ColumnTable: Sendable {
    /// The columns' names, in the order of a row's cells.
    public var names: [String]
    /// The columns that are not PHI; only they may stand in a header or a URL.
    public var plain: Set<String>
    /// The columns whose cells are HTML of our own making; only they may stand unescaped.
    public var trustedHTML: Set<String>
    /// What stands for a column's empty cell, instead of stopping the row.
    public var defaults: [String: String]

    /// Creates a table; every column is PHI unless it is listed as plain.
    public init(
        names: [String],
        plain: Set<String> = [],
        trustedHTML: Set<String> = [],
        defaults: [String: String] = [:]
    ) {
        self.names = names
        self.plain = plain
        self.trustedHTML = trustedHTML
        self.defaults = defaults
    }
}

/// What of a job is tracked.
public struct TrackingPlan: Hashable, Sendable {
    /// Whether a pixel tells that the message was opened.
    public var opens: Bool
    /// Whether links lead through the tracking server.
    public var clicks: Bool

    /// Whether HTML with tracked links has one more, which no person sees: programs that follow all links give themselves away by it.
    public var decoy: Bool

    /// Creates a plan; nothing is tracked unless asked for.
    public init(opens: Bool = false, clicks: Bool = false, decoy: Bool = false) {
        self.opens = opens
        self.clicks = clicks
        self.decoy = decoy
    }
}

/// One tracked link of a job: the same in every message but for the cells in its target.
public struct LinkInfo: Hashable, Sendable {
    /// The number that stands in click tokens, from 1; equal targets share it, in HTML and in text.
    public let id: Int
    /// The target as the template has it, tags included: `https://portal.example/visits?x={{clinic}}`.
    public let target: String
    /// Where the target first stands.
    public let place: Place
}

/// A tag that names a column, for telling people where their columns stand.
public struct ColumnUse: Hashable, Sendable {
    /// The column's number, from 0.
    public let column: Int
    /// Where the tag stands.
    public let place: Place
}
