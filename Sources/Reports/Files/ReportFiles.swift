import Core
public import Files
public import Records

/// The forms of a report.
public enum ReportFormat: String, CaseIterable, Sendable {
    /// For spreadsheets.
    case csv
    /// For programs.
    case json
    /// For people, on the screen and on paper.
    case html
}

/// Writes a report's files, each with its signature beside it.
public struct ReportFiles: Sendable {
    private let directory: Directory
    private let signer: Signer
    private let check: SignatureCheck
    private let permissions: UInt32

    /// Writes into a directory, signed with the site's key; what stands there as it would be written is left alone.
    public init(directory: Directory, signer: Signer, check: SignatureCheck) throws(FileError) {
        self.directory = directory
        self.signer = signer
        self.check = check
        permissions = 0o600 | (try directory.status().permissions & 0o044)
    }

    /// The text of a report.
    public static func text(of report: Report, as format: ReportFormat) -> [UInt8] {
        switch format {
        case .csv: ReportCSV.text(of: report)
        case .json: ReportJSON.text(of: report)
        case .html: ReportPage.html(of: report)
        }
    }

    /// Writes a report; returns the names of the files that were written, which are none if nothing changed.
    ///
    /// - Parameters:
    ///   - report: What to write.
    ///   - formats: In which forms.
    ///   - name: What the files are called, without their endings.
    public func write(_ report: Report, as formats: [ReportFormat], name: String) throws -> [String] {
        var written: [String] = []
        for format in formats {
            let file = "\(name).\(format.rawValue)"
            let text = Self.text(of: report, as: format)
            guard !stands(file, text) else { continue }
            try signer.replace(file, in: directory, permissions: permissions) { try $0.append(text) }
            written.append(file)
        }
        return written
    }

    /// Whether a period's files are there, in whichever form.
    public func exists(_ period: Period) -> Bool {
        ReportFormat.allCases.contains { (try? directory.status(of: "\(period).\($0.rawValue)")) ?? nil != nil }
    }

    private func stands(_ file: String, _ text: [UInt8]) -> Bool {
        guard let there = try? directory.read(file, limit: text.count), there == text else { return false }
        return (try? check.check(file, in: directory)) == .good
    }
}
