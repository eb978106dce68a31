public import Core

/// A template ready to be filled: a flat program over column numbers. It writes bytes and knows no names.
public struct CompiledTemplate: Sendable {
    /// The columns whose cells can show in the output or steer it, by number.
    public let usedColumns: Set<Int>
    /// Whether the output is the same for every row.
    public var isConstant: Bool { usedColumns.isEmpty }

    /// Fills the template with a row's cells and appends the bytes to `output`.
    public func render(
        _ row: borrowing Row,
        context: RenderContext,
        into output: inout [UInt8]
    ) throws(RenderProblem) {
    }
}
