/// Where in a file something stands, for a person who has to find it.
///
/// Lines and columns count from 1; a column counts Unicode scalars, as editors do. Zero means that it is not known.
public struct Place: Hashable, Sendable, CustomStringConvertible {
    /// The file's name as the person who dropped it knows it: relative to the job folder or the site.
    public var file: String
    /// The line, from 1; 0 where only the file is known.
    public var line: Int
    /// The column, from 1; 0 where only the line is known.
    public var column: Int

    /// Creates a place; leave out what is not known.
    public init(file: String, line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `file`, `file:line` or `file:line:column`.
    public var description: String {
        switch (line, column) {
        case (0, _): file
        case (_, 0): "\(file):\(line)"
        default: "\(file):\(line):\(column)"
        }
    }
}
