public import Core

/// The two cells of each row that results carry: its key and its address.
///
/// They are read from the job's recipient file each time, since nothing of ours keeps a cell.
public protocol RowTexts {
    /// Gives every row in order, from row 1.
    ///
    /// - Parameter body: Takes the row's number, its key's and its address's bytes; empty where the row has no such cell.
    func forEach(_ body: (RowNumber, ArraySlice<UInt8>, ArraySlice<UInt8>) throws -> Void) throws
}
