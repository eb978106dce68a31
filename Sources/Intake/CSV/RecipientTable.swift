internal import Core
public import Files

/// A job's recipient table, pinned, its encoding known and its header read; it can be read as often as needed.
public final class RecipientTable: Sendable {
    /// The pinned file.
    public let file: PinnedFile
    /// The columns' names and how the file is written.
    public let header: CSVHeader

    private let limits: CSVLimits

    /// Pins the table and reads its header.
    ///
    /// - Parameters:
    ///   - name: The file's name in the job folder.
    ///   - folder: The job folder.
    ///   - encoding: What the manifest declares.
    ///   - delimiter: What the manifest declares.
    ///   - limits: Bounds on what is read.
    /// - Throws: ``Diagnostics`` if the table is refused; ``PinError`` if it changes meanwhile.
    public convenience init(
        pinning name: String,
        in folder: JobFolder,
        encoding: TextEncoding? = nil,
        delimiter: CSVDelimiter? = nil,
        limits: CSVLimits = CSVLimits()
    ) throws {
        var survey = EncodingSurvey()
        let file: PinnedFile
        do {
            file = try folder.pin(name, as: .recipients) { survey.consume($0) }
        } catch {
            throw Diagnostics([error])
        }
        try self.init(file, survey, encoding: encoding, delimiter: delimiter, limits: limits)
    }

    /// Pins a table that an operator named, outside any job.
    ///
    /// - Throws: ``Diagnostics`` if the table is refused; ``PinError`` if it changes meanwhile.
    public convenience init(pinning file: Descriptor, limits: CSVLimits = CSVLimits()) throws {
        var survey = EncodingSurvey()
        let file = try PinnedFile(file) { survey.consume($0) }
        try self.init(file, survey, encoding: nil, delimiter: nil, limits: limits)
    }

    private init(
        _ file: PinnedFile,
        _ survey: EncodingSurvey,
        encoding: TextEncoding?,
        delimiter: CSVDelimiter?,
        limits: CSVLimits
    ) throws {
        let found: FoundEncoding
        do {
            found = try survey.verdict(declared: encoding)
        } catch {
            let place = try error.offset.map { try Self.place(of: $0, in: file) } ?? Place(file: file.name)
            throw Diagnostics([Diagnostic(error.problem, at: place, fix: error.fix)])
        }
        header = try CSVReader(
            file: file.name,
            encoding: found,
            delimiter: delimiter,
            limits: limits,
            source: file.bytes()
        ).header
        self.file = file
        self.limits = limits
    }

    /// A reader from the first row.
    ///
    /// It throws ``PinError`` before it gives a row of a part of the file that was changed since.
    public func reader() throws -> CSVReader {
        try CSVReader(
            file: file.name,
            encoding: header.encoding,
            delimiter: header.delimiter,
            limits: limits,
            source: file.bytes()
        )
    }

    /// The line and column of a byte, for the one message that needs it; a byte counts as a character unless it goes on
    /// with a well-formed sequence.
    private static func place(of offset: Int64, in file: PinnedFile) throws -> Place {
        let source = file.bytes()
        var bytes: [UInt8] = []
        var line = 1
        var column = 1
        var left = offset
        var previous: UInt8 = 0
        while left > 0, try source(&bytes) {
            for byte in bytes.prefix(Int(min(left, Int64(bytes.count)))) {
                if byte == 0x0A && previous == 0x0D {
                    column = 1
                } else if byte == 0x0A || byte == 0x0D {
                    line += 1
                    column = 1
                } else if byte & 0xC0 != 0x80 || previous < 0x80 {
                    column += 1
                }
                previous = byte
            }
            left -= Int64(bytes.count)
        }
        return Place(file: file.name, line: line, column: column)
    }
}
