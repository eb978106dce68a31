public import Core

/// A job's manifest: what `manifest.yaml` says.
///
/// Every value knows its place.
public struct Manifest: Sendable {
    /// The file's name in the job's folder.
    public static let fileName = "manifest.yaml"
    /// The column that marketing needs: the reference of the recipient's authorization.
    public static let authorizationColumn = "authorization"
    /// The column that marketing needs: the first day on which the authorization is no longer in force.
    public static let authorizationExpiresColumn = "authorization_expires"

    /// The job's name, for people.
    public var name: Placed<String>
    /// What the mail is for.
    public var purpose: Placed<Purpose>
    /// The From mailbox.
    public var from: Placed<Mailbox>
    /// The subject, a template of one line over plain columns; its place is its first character's.
    public var subject: Placed<String>
    /// The template's name, without `.html` or `.txt`.
    public var template: Placed<String>
    /// The recipient file's name in the job folder.
    public var recipients: Placed<String>
    /// The list whose subscribers the recipients are; `nil` where the job brings a file of its own.
    public var recipientList: Placed<String>?
    /// What the recipient file's columns are.
    public var columns: Columns
    /// Where answers go, if not to the From mailbox.
    public var replyTo: Placed<Mailbox>?
    /// The route, if the manifest names one.
    public var route: Placed<String>?
    /// The files that go with each message.
    public var attachments: [Attachment]
    /// Pictures that the template shows by `cid:`.
    public var inlineImages: [InlineImage]
    /// Whether opens and clicks are to be tracked, where the manifest says so; the site may be stricter.
    public var tracking: TrackingSwitches
    /// The list that opt-outs apply to.
    public var list: Placed<String>?
    /// No message goes out before this.
    public var notBefore: Placed<LocalTime>?
    /// No message is tried after this.
    public var notAfter: Placed<LocalTime>?
    /// The hours of the week in which messages go out; `nil` means always.
    public var window: Placed<SendingWindow>?
    /// A file in the job folder with days on which no message goes out, besides the site's.
    public var holidays: Placed<String>?
    /// How fast messages go out, if slower than the route.
    public var rate: Placed<Rate>?
    /// Texts for empty cells, by column.
    public var defaults: [Default]
    /// The columns whose cells may stand in HTML unescaped.
    public var trustedHTML: [Placed<String>]
    /// The recipient file's declared encoding.
    public var encoding: Placed<Encoding>?
    /// The recipient file's declared delimiter byte.
    public var delimiter: Placed<UInt8>?
    /// The message's language, as a BCP 47 tag.
    public var language: Placed<String>?
    /// What is odd about it but stops nothing.
    public var warnings: [Diagnostic]

    /// What mail is for (45 CFR 164.501).
    public enum Purpose: String, CaseIterable, Sendable {
        /// Care itself.
        case treatment
        /// Billing and claims.
        case payment
        /// Health care operations.
        case operations
        /// Marketing, which needs each recipient's authorization (45 CFR 164.508(a)(3)).
        case marketing
    }

    /// The encodings a recipient file can be declared to have.
    public enum Encoding: String, CaseIterable, Sendable {
        /// UTF-8, with or without a byte-order mark.
        case utf8 = "utf-8"
        /// UTF-16 with a byte-order mark.
        case utf16 = "utf-16"
        /// Windows code page 1252.
        case windows1252 = "windows-1252"
    }

    /// What the recipient file's columns are.
    public struct Columns: Hashable, Sendable {
        /// The column that holds the address.
        public var address: Placed<String>
        /// The column that identifies a row.
        public var key: Placed<String>
        /// The column that holds the To display name.
        public var name: Placed<String>?
        /// The column that holds the recipient's time zone.
        public var zone: Placed<String>?
        /// The column that says who is not to be tracked, if it has another name than ``TrackingWish/column``.
        public var noTracking: Placed<String>?
        /// The column that holds the recipient's language, for the pages that the message leads to.
        public var language: Placed<String>?
        /// The columns that are not PHI; all others are.
        public var plain: [Placed<String>]
    }

    /// A file that goes with each message.
    public struct Attachment: Hashable, Sendable {
        /// The file's name in the job folder, a template over columns.
        public var file: Placed<String>
        /// The name that is shown, a template over plain columns.
        public var name: Placed<String>
    }

    /// A picture that the template shows.
    public struct InlineImage: Hashable, Sendable {
        /// The file's name in the job folder.
        public var file: Placed<String>
        /// The content identifier: `cid:` and this in the template.
        public var id: Placed<String>
    }

    /// What stands in for a column's empty cells.
    public struct Default: Hashable, Sendable {
        /// The column.
        public var column: Placed<String>
        /// The text.
        public var text: Placed<String>
    }

    /// Whether the job is marketing.
    public var isMarketing: Bool {
        purpose.value == .marketing
    }
}
