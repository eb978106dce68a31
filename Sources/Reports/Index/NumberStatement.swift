import GRDB
import GRDBSQLite

/// A statement over whole numbers, which is what all large tables hold: bound and read without a value's detour through
/// a boxed type, since there are millions.
@safe final class NumberStatement {
    private let statement: Statement
    private let raw: SQLiteStatement

    /// Prepares SQL; lives no longer than the database access in which it was made.
    init(_ db: Database, _ sql: String) throws {
        statement = try db.makeStatement(sql: sql)
        unsafe raw = statement.sqliteStatement
    }

    /// Runs a change.
    func run(_ values: [Int64?]) throws {
        bind(values)
        let code = unsafe sqlite3_step(raw)
        _ = unsafe sqlite3_reset(raw)
        guard code == SQLITE_DONE || code == SQLITE_ROW else { throw error(code) }
    }

    /// Runs a change; whether it changed anything.
    func changes(_ values: [Int64?]) throws -> Bool {
        try run(values)
        return unsafe sqlite3_changes(sqlite3_db_handle(raw)) > 0
    }

    /// Hands over each row of an answer.
    func forEach(_ values: [Int64?] = [], _ body: (NumberRow) throws -> Void) throws {
        bind(values)
        defer { _ = unsafe sqlite3_reset(raw) }
        while true {
            let code = unsafe sqlite3_step(raw)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw error(code) }
            try body(unsafe NumberRow(raw))
        }
    }

    private func bind(_ values: [Int64?]) {
        for (index, value) in values.enumerated() {
            if let value {
                _ = unsafe sqlite3_bind_int64(raw, Int32(index) + 1, value)
            } else {
                _ = unsafe sqlite3_bind_null(raw, Int32(index) + 1)
            }
        }
    }

    private func error(_ code: Int32) -> DatabaseError {
        DatabaseError(resultCode: ResultCode(rawValue: code), message: statement.sql)
    }
}

/// The row on which a statement stands.
@safe struct NumberRow {
    private let raw: SQLiteStatement

    fileprivate init(_ raw: SQLiteStatement) {
        unsafe self.raw = raw
    }

    /// A column's number, 0 for NULL.
    subscript(_ column: Int32) -> Int64 {
        unsafe sqlite3_column_int64(raw, column)
    }

    /// A column's number; `nil` for NULL.
    func optional(_ column: Int32) -> Int64? {
        unsafe sqlite3_column_type(raw, column) == SQLITE_NULL ? nil : sqlite3_column_int64(raw, column)
    }
}
