import Foundation
import OpenSSL
import TestSupport
import Testing

extension EndToEnd {
    /// Postfix, Exim and OpenSMTPD as relays, each with its own idea of the protocol, and what they say themselves of each row.
    @Suite struct Relays {
        static let rows = Int(ProcessInfo.processInfo.environment["WARDPOST_RELAY_ROWS"] ?? "") ?? 20_000

        /// How a server is to treat a row's recipient; the address begins with it.
        enum Kind: String, CaseIterable {
            case plain = "p"
            case nobody
            case full
            case policy
            case grey
            case word
            case wide = "ü"
            case large

            /// Most rows are plain, and of all others there are some everywhere in the table.
            init(row: Int) {
                switch row % 400 {
                case 1: self = .nobody
                case 2: self = .full
                case 3: self = .policy
                case 4, 5: self = .grey
                case 6: self = .word
                case 7: self = .wide
                case 8: self = .large
                default: self = .plain
                }
            }

            /// The status and reason that a row must end with.
            func outcome(at server: RelayPeer.Kind) -> String {
                switch self {
                case .plain, .grey: "sent"
                case .nobody: "failed mailbox-unknown"
                case .full: "failed mailbox-full"
                case .policy: "failed policy-refused"
                case .word: "failed content-refused"
                case .wide: server.hasSMTPUTF8 ? "sent" : "failed smtputf8-missing"
                case .large: "failed message-too-large"
                }
            }

            /// Whether the server gets to see the recipient; what EHLO rules out is not tried.
            func isTried(at server: RelayPeer.Kind) -> Bool {
                self != .large && (self != .wide || server.hasSMTPUTF8)
            }
        }

        @Test(
            "A job of 20,000 rows through Postfix, Exim and OpenSMTPD: every row is what the server's log, mailboxes and queue say of it",
            .enabled(if: RelayPeer.isThere, RelayPeer.needs),
            .timeLimit(.minutes(20))
        )
        func relays() async throws {
            let began = ContinuousClock.now
            // Together, since each waits a minute for what was greylisted.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for kind in RelayPeer.Kind.allCases {
                    guard RelayPeer.kinds.contains(kind) else {
                        print("relays: \(kind) is skipped, since it is not there")
                        continue
                    }
                    group.addTask { try await self.round(kind) }
                }
                try await group.waitForAll()
            }
            print("relays: all in \(ContinuousClock.now - began)")
        }

        private func round(_ kind: RelayPeer.Kind) async throws {
            let began = ContinuousClock.now
            let (authority, clients) = (try Authority(), try Authority(name: "Clients"))
            let peer = try await RelayPeer(kind, try authority.issue { $0.keyType = .rsa2048 }, clients: clients.file)
            let site = try await peer.site(trusting: authority.file, as: try Self.client(of: clients))
            let rows = Self.rows
            // All kinds of rows are among the first of 400.
            let routes = [("implicit", rows + 1...rows + 200), ("mutual", rows + 401...rows + 600)]
            try site.job("many", Self.job(1...rows, route: "main"))
            for (route, rows) in routes { try site.job(route, Self.job(rows, route: route)) }
            let small = try routes.map { try site.start("send", $0.0) }
            let sent = ContinuousClock.now
            let many = try await site.run("send", "many", within: .seconds(900))
            let took = ContinuousClock.now - sent
            #expect(many.status == 1, "\(kind): \(many.errors)")
            for program in small {
                let few = try await program.result(within: .seconds(300))
                #expect(few.status == 1, "\(kind): \(few.errors)")
            }
            let account = try await peer.account()
            var kept = try compare(try site.results("many"), account, from: 1, at: kind)
            for (route, rows) in routes {
                kept += try compare(try site.results(route), account, from: rows.lowerBound, at: kind)
            }
            let there = Set((account.mailboxes + account.queue).map(\.message_id))
            #expect(there == Set(kept), "\(kind) has mail for nobody of the tables")
            #expect(account.mailboxes.count + account.queue.count == kept.count)
            #expect(account.accepted.count == kept.count)
            #expect(account.rest == 0)
            if kind == .opensmtpd {
                let all = [1...rows] + routes.map(\.1)
                let words = all.joined().count { Kind(row: $0) == .word }
                #expect(account.refused[""]?.count == words, "OpenSMTPD refused the text of so many messages")
            }
            #expect((account.logins[kind == .opensmtpd ? "AUTH" : kind.mechanism] ?? 0) > 0, "\(account.logins)")
            if kind == .exim { #expect((account.logins["EXTERNAL"] ?? 0) > 0, "\(account.logins)") }
            print(
                "relays: \(kind): \(rows) rows by STARTTLS in \(took) (with a minute's wait for the greylisted), 200 by",
                "implicit TLS and 200 by certificate, \(account.accepted.count) taken, \(account.mailboxes.count) read in mailboxes and",
                "\(account.queue.count) in the queue, \(account.refused.values.reduce(0) { $0 + $1.count }) refused,",
                "\(account.deferred.values.reduce(0) { $0 + $1.count }) times greylisted; \(ContinuousClock.now - began)"
            )
        }

        private static func client(of authority: Authority) throws -> CertificateFiles {
            try authority.issue(["sender.clinic.test"]) { $0.usages = [.client] }
        }

        private static func job(_ rows: ClosedRange<Int>, route: String) -> JobFiles {
            let long = String(repeating: "word ", count: 60_000)
            return JobFiles(
                rows: rows.map { row in
                    let kind = Kind(row: row)
                    return [
                        "\(kind.rawValue)\(row)@kunde.test", "R-\(row)", kind == .word ? "forbidden" : "Eva",
                        kind == .large ? long : "Come again in week \(row % 52).",
                    ]
                },
                manifest: "route: \(route)\n",
                subject: "Your visit, {{first_name}}",
                columns: ["email", "ref", "first_name", "notes"],
                template: "Dear {{first_name}},\nyour reference is {{ref}}.\n{{notes}}\n"
            )
        }

        @Test(
            "check --connect says how each server would take a row, sends none, and says who refused a password or missed a certificate",
            .enabled(if: RelayPeer.isThere, RelayPeer.needs),
            .timeLimit(.minutes(5)),
            arguments: RelayPeer.kinds
        )
        func connects(_ kind: RelayPeer.Kind) async throws {
            let (authority, clients) = (try Authority(), try Authority(name: "Clients"))
            let strangers = try Authority(name: "Strangers")
            let peer = try await RelayPeer(kind, try authority.issue { $0.keyType = .rsa2048 }, clients: clients.file)
            let site = try await peer.site(trusting: authority.file, as: try Self.client(of: clients))
            for route in ["main", "implicit", "mutual"] {
                try site.job(route, Self.job(10...12, route: route))
                let check = try await site.run("check", route, "--connect")
                #expect(check.status == 0, "\(kind), \(route): \(check.output) \(check.errors)")
                #expect(check.output.contains("TLSv1.3") && check.output.contains("pinned"), "\(check.output)")
                #expect(check.output.contains("SIZE 200000"), "\(check.output)")
                #expect(check.output.contains("SMTPUTF8") == kind.hasSMTPUTF8, "\(check.output)")
                if route != "mutual" {
                    #expect(check.output.contains("taken by \(kind.mechanism)"), "\(check.output)")
                } else if kind == .exim {
                    #expect(check.output.contains("taken by EXTERNAL"), "\(check.output)")
                }
            }
            let wrong = try await peer.site(
                trusting: authority.file,
                as: try Self.client(of: strangers),
                password: "pencil and paper"
            )
            for route in ["main", "mutual"] {
                try wrong.job(route, Self.job(10...12, route: route))
                let check = try await wrong.run("check", route, "--connect")
                #expect([1, 75].contains(check.status), "\(kind), \(route): \(check.output) \(check.errors)")
                #expect(!check.output.contains("Rows can go out here"), "\(check.output)")
                if route == "main" { #expect(check.output.contains("authentication"), "\(check.output)") }
            }
            let account = try await peer.account()
            #expect(account.accepted.isEmpty && account.refused.isEmpty && account.mailboxes.isEmpty)
        }

        /// Holds each row against all that the server has of it; the Message-IDs of the rows that were sent.
        private func compare(_ results: CSVFile, _ account: RelayPeer.Account, from first: Int, at kind: RelayPeer.Kind)
            throws
            -> [String]
        {
            let accepted = Dictionary(grouping: account.accepted, by: \.recipient)
            let kept = Dictionary(grouping: account.mailboxes + account.queue, by: \.recipient)
            let columns = ["row", "key", "address", "status", "reason", "message_id", "tls_version"].map(results.column)
            var sent: [String] = []
            var wrong: [String] = []
            for index in results.rows.indices {
                let cells = columns.map { $0[index] }
                let (row, address, messageID) = (first + index, cells[2], cells[5])
                let role = Kind(row: row)
                func check(_ isRight: Bool, _ what: String) {
                    if !isRight { wrong.append("row \(row) (\(role)): \(what)") }
                }
                check(cells[0] == "\(index + 1)" && cells[1] == "R-\(row)", "stands elsewhere: \(cells)")
                check(address == "\(role.rawValue)\(row)@kunde.test", "another address")
                let outcome = cells[4].isEmpty ? cells[3] : "\(cells[3]) \(cells[4])"
                check(outcome == role.outcome(at: kind), "ended as \(outcome)")
                let (taken, there) = (accepted[address] ?? [], kept[address] ?? [])
                let (refused, deferred) = (account.refused[address] ?? [], account.deferred[address] ?? [])
                check(deferred.isEmpty == (role != .grey), "was greylisted \(deferred.count) times")
                guard cells[3] == "sent" else {
                    check(taken.isEmpty && there.isEmpty, "was delivered and is \(outcome)")
                    // OpenSMTPD's log does not say whose message it refused at its end; those are counted below.
                    let isNamed = role.isTried(at: kind) && (kind != .opensmtpd || role != .word)
                    check(refused.count == (isNamed ? 1 : 0), "was refused \(refused.count) times")
                    continue
                }
                sent.append(messageID)
                check(refused.isEmpty, "was refused as well")
                check(cells[6] == "TLSv1.3", "went over \(cells[6])")
                guard taken.count == 1, there.count == 1 else {
                    check(false, "was taken \(taken.count) times and lies there \(there.count) times")
                    continue
                }
                check(taken[0].message_id.isEmpty || taken[0].message_id == messageID, "another Message-ID in the log")
                check(there[0].message_id == messageID, "another Message-ID in the mailbox")
                check(there[0].queue_id == taken[0].queue_id, "another message of the log in the mailbox")
                check(there[0].reference == "R-\(row)", "has the text of \(there[0].reference)")
                check(there[0].tls, "came without TLS")
            }
            #expect(wrong.isEmpty, "\(kind): \(wrong.count) wrong: \(wrong.prefix(10).joined(separator: "\n"))")
            #expect(Set(sent).count == sent.count, "two rows with one Message-ID")
            return sent
        }
    }
}
