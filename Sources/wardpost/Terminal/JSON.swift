import Core
import Engine
import Foundation

/// What programs read from standard output.
enum JSON {
    /// A check's findings, and those about its route where that was tried.
    static func text(_ check: JobCheck.Report, _ routes: [RouteCheck]?) -> String {
        encode(
            Check(
                job: check.job,
                id: check.id?.description,
                ok: check.isGood,
                rows: check.rows,
                invalidRows: check.invalidRows,
                begins: check.begins.map { Begin(zone: $0.zone, at: "\($0.until)") },
                tracking: check.tracking.map(TrackingVerdicts.init),
                problems: check.problems.map(Problem.init),
                relays: routes.map { $0.map(Relay.init) }
            )
        )
    }

    /// Where jobs stand.
    static func text(_ entries: [JobOverview.Entry]) -> String {
        encode(
            entries.map { entry in
                Job(
                    folder: entry.folder,
                    state: entry.state,
                    message: entry.message,
                    status: entry.status.flatMap { try? JSONDecoder().decode(Value.self, from: Data($0)) }
                )
            }
        )
    }

    /// What is good and what is not.
    static func text(_ findings: [Verification.Finding]) -> String {
        encode(findings.map { File(file: $0.path, result: $0.result, good: $0.isGood) })
    }

    /// A domain's keys and their records.
    static func text(_ report: DKIMSetup.Report) -> String {
        encode(
            Signing(
                domain: report.domain,
                selector: report.selector,
                configured: report.configuration == nil,
                records: report.records.map { record in
                    Signing.Record(
                        name: record.name,
                        type: "TXT",
                        text: record.text,
                        strings: record.strings,
                        algorithm: record.algorithm,
                        selector: record.selector,
                        file: record.file,
                        made: record.isNew,
                        dns: record.publication?.rawValue
                    )
                }
            )
        )
    }

    /// Keys of the API.
    static func text(_ keys: [APIKeyAdmin.Entry]) -> String {
        encode(
            keys.map { key in
                APIKey(name: key.name, scopes: key.scopes, domains: key.domains, jobs: key.jobs, expires: key.expires)
            }
        )
    }

    private struct APIKey: Encodable {
        var name: String
        var scopes: [String]
        var domains: [String]?
        var jobs: [String]?
        var expires: String?
    }

    /// A new token key.
    static func text(_ report: KeyRotation.Report) -> String {
        encode(report)
    }

    private struct Signing: Encodable {
        var domain: String
        var selector: String
        var configured: Bool
        var records: [Record]

        struct Record: Encodable {
            var name: String
            var type: String
            var text: String
            var strings: [String]
            var algorithm: String
            var selector: String
            var file: String
            var made: Bool
            var dns: String?
        }
    }

    private struct Check: Encodable {
        var job: String
        var id: String?
        var ok: Bool
        var rows: Int
        var invalidRows: Int
        var begins: [Begin]
        var tracking: TrackingVerdicts?
        var problems: [Problem]
        var relays: [Relay]?
    }

    private struct TrackingVerdicts: Encodable {
        struct Verdict: Encodable {
            var tracked: Bool
            var rule: String
            var setting: String?
            var file: String?
            var line: Int?
            var column: Int?

            init(_ verdict: TrackingReport.Verdict) {
                tracked = verdict.isOn
                rule = verdict.rule.rawValue
                setting = verdict.setting.isEmpty ? nil : verdict.setting
                file = verdict.place?.file
                line = verdict.place?.line
                column = verdict.place?.column
            }
        }

        var opens: Verdict?
        var clicks: Verdict?
        var rowsNotTracked: Int
        var rowsUnclear: Int
        var baseUrl: String?

        init(_ report: TrackingReport) {
            opens = report.verdicts.first { $0.act == .opens }.map(Verdict.init)
            clicks = report.verdicts.first { $0.act == .clicks }.map(Verdict.init)
            rowsNotTracked = report.untrackedRows
            rowsUnclear = report.unclearRows
            baseUrl = report.baseURL
        }
    }

    private struct Relay: Encodable {
        struct TLS: Encodable {
            var scope: String
            var version: String
            var cipher: String
            var verification: String
        }

        struct Certificate: Encodable {
            var matchedName: String?
            var names: [String]
            var subject: String
            var issuer: String
            var notAfter: String
            var keyType: String
            var keyBits: Int
            var signature: String
            var sha256: String
        }

        struct Offer: Encodable {
            var extensions: [String]
            var size: Int?
            var messagesPerConnection: Int?
            var auth: [String]
        }

        var route: String
        var server: String
        var port: Int
        var address: String?
        var mode: String
        var result: String
        var reason: String?
        var detail: String?
        var tls: TLS?
        var certificate: Certificate?
        var offer: Offer
        var authenticatedBy: String?
        var obstacles: [String]

        init(_ check: RouteCheck) {
            route = check.route
            server = check.server
            port = check.port
            address = check.address
            mode = check.mode
            result = check.end.rawValue
            reason = check.problem?.reason.rawValue
            detail = check.problem?.detail
            tls = check.tls.map { tls in
                TLS(
                    scope: tls.scope.rawValue,
                    version: tls.version,
                    cipher: tls.cipher,
                    verification: tls.verification.rawValue
                )
            }
            certificate = check.certificate.map { certificate in
                Certificate(
                    matchedName: certificate.matchedName,
                    names: certificate.names,
                    subject: certificate.subject,
                    issuer: certificate.issuer,
                    notAfter: "\(certificate.notAfter)",
                    keyType: certificate.keyType,
                    keyBits: certificate.keyBits,
                    signature: certificate.signature,
                    sha256: certificate.fingerprint
                )
            }
            offer = Offer(
                extensions: check.extensions,
                size: check.largestMessage,
                messagesPerConnection: check.messagesPerConnection,
                auth: check.mechanisms
            )
            authenticatedBy = check.mechanism
            obstacles = check.obstacles
        }
    }

    private struct Begin: Encodable {
        var zone: String
        var at: String
    }

    private struct Problem: Encodable {
        var file: String?
        var line: Int?
        var column: Int?
        var row: UInt32?
        var severity: String
        var problem: String
        var fix: String

        init(_ problem: Diagnostic) {
            file = problem.place?.file
            line = problem.place.flatMap { $0.line > 0 ? $0.line : nil }
            column = problem.place.flatMap { $0.column > 0 ? $0.column : nil }
            row = problem.row?.value
            severity = problem.severity.rawValue
            self.problem = problem.problem
            fix = problem.fix
        }
    }

    private struct Job: Encodable {
        var folder: String
        var state: String
        var message: String
        var status: Value?
    }

    private struct File: Encodable {
        var file: String
        var result: String
        var good: Bool
    }

    /// Any JSON value, to hand `status.json` on as it is.
    private enum Value: Codable {
        case null
        case bool(Bool)
        case number(Double)
        case text(String)
        case list([Value])
        case object([String: Value])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let value = try? container.decode(Bool.self) {
                self = .bool(value)
            } else if let value = try? container.decode(Double.self) {
                self = .number(value)
            } else if let value = try? container.decode(String.self) {
                self = .text(value)
            } else if let value = try? container.decode([Value].self) {
                self = .list(value)
            } else {
                self = .object(try container.decode([String: Value].self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .null: try container.encodeNil()
            case .bool(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            case .text(let value): try container.encode(value)
            case .list(let value): try container.encode(value)
            case .object(let value): try container.encode(value)
            }
        }
    }

    private static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { preconditionFailure("these values always have a JSON form") }
        return String(decoding: data, as: UTF8.self)
    }
}
