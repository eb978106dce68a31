public import Core

/// A display name and an address, as From and Reply-To have them.
public struct Mailbox: Sendable {
    /// What people see; `nil` for the bare address.
    public var name: HeaderValue?
    /// Where mail goes.
    public var address: Address

    /// Creates a mailbox.
    public init(name: HeaderValue? = nil, address: Address) {
        self.name = name
        self.address = address
    }
}

/// An image that the HTML shows by `cid:` and its name.
public struct InlineImage: Sendable {
    /// The file's name; the HTML's `cid:logo.png` means the image of this name.
    public var name: String
    /// The file's bytes.
    public var bytes: [UInt8]

    /// Creates an image.
    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }
}

/// A file that goes with each message; which one, the row may say.
public struct AttachmentSpec: Sendable {
    /// The path below the job folder; a tag may name any column, since the path is only read.
    public var file: TemplateSource
    /// The name that people see, or `nil` for the file's own; a tag may name plain columns only.
    public var name: TemplateSource?

    /// Creates a specification.
    public init(file: TemplateSource, name: TemplateSource? = nil) {
        self.file = file
        self.name = name
    }
}

/// Everything about a job's messages that is the same for every row.
public struct JobDesign: Sendable {
    /// Who writes.
    public var from: Mailbox
    /// Where answers go, if not to the sender.
    public var replyTo: Mailbox?
    /// The subject line; plain columns only.
    public var subject: TemplateSource
    /// The HTML form.
    public var html: TemplateSource?
    /// The text form; made from the HTML where it is missing.
    public var text: TemplateSource?
    /// The columns that tags may name.
    public var columns: ColumnTable
    /// Values that tags may name besides columns, as `site` and `postal_address`.
    public var constants: [String: String]
    /// The column of the To field's display name, the only way of a PHI column into a header.
    ///
    /// Where its cell is empty, the address stands alone.
    public var nameColumn: Int?
    /// Files that go with each message.
    public var attachments: [AttachmentSpec]
    /// Images that the HTML may show, where they are known beforehand.
    public var inlineImages: [InlineImage]
    /// What is tracked.
    public var tracking: TrackingPlan
    /// The list whose opt-outs apply; `nil` for none.
    public var list: String?
    /// Whether the message is marketing, which gives it an unsubscribe link even without a list.
    public var isMarketing: Bool
    /// Whether recipients have pages of their own; if not, they opt out by a message, and `{{preferences_url}}` leads nowhere.
    public var hasPages = true
    /// The language of the message (RFC 5646), as `en` or `es-MX`; `nil` for none stated.
    public var language: String?
    /// The most octets a message may have.
    public var sizeLimit: Int

    /// Creates a design; leave out what the job does not have.
    public init(
        from: Mailbox,
        replyTo: Mailbox? = nil,
        subject: TemplateSource,
        html: TemplateSource? = nil,
        text: TemplateSource? = nil,
        columns: ColumnTable,
        constants: [String: String] = [:],
        nameColumn: Int? = nil,
        attachments: [AttachmentSpec] = [],
        inlineImages: [InlineImage] = [],
        tracking: TrackingPlan = TrackingPlan(),
        list: String? = nil,
        isMarketing: Bool = false,
        language: String? = nil,
        sizeLimit: Int = 25 << 20
    ) {
        self.from = from
        self.replyTo = replyTo
        self.subject = subject
        self.html = html
        self.text = text
        self.columns = columns
        self.constants = constants
        self.nameColumn = nameColumn
        self.attachments = attachments
        self.inlineImages = inlineImages
        self.tracking = tracking
        self.list = list
        self.isMarketing = isMarketing
        self.language = language
        self.sizeLimit = sizeLimit
    }
}
