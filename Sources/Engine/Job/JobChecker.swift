import Compose
import Core
import Delivery
import Files
import Intake
import OpenSSL
import Tracking

/// Reads a job's folder as a run does, and finds every problem at once.
struct JobChecker: Sendable {
    /// How many problems of single rows are kept; the rest are counted.
    static let mostRowProblems = 1_000

    /// What a check found.
    struct Finding: Sendable {
        /// The job, if nothing stands against it.
        var job: PreparedJob?
        /// Everything that was found, in the order of the files: errors that refuse the job, rows that cannot go out, warnings.
        var problems: [Diagnostic]
        /// How many rows cannot go out, those left out of the problems included.
        var invalidRows = 0
        /// How many rows there are.
        var rows = 0
        /// How many rows that can go out are not tracked, by their recipients' wish.
        var untrackedRows = 0
        /// How many of them have a cell that is neither yes nor no.
        var unclearWishes = 0
        /// The manifest, where it could be read.
        var manifest: Manifest?
        /// What its messages need of a server; known only where every message is made.
        var needs = ProbeReport.Needs()
    }

    let site: Site
    let keys: SiteKeys
    /// Whether every message is made, too, so that cells that a template needs are found missing: for people who ask.
    var composesEveryRow = false

    /// Checks a folder.
    ///
    /// - Parameters:
    ///   - folder: The job's folder.
    ///   - now: The moment for agreements, authorizations and times.
    func check(_ folder: JobFolder, now: Timestamp = .now) -> Finding {
        var problems: [Diagnostic] = []
        do {
            return try check(folder, now, &problems)
        } catch {
            problems += Self.told(error, at: nil)
        }
        return Finding(job: nil, problems: problems)
    }

    private func check(_ folder: JobFolder, _ now: Timestamp, _ problems: inout [Diagnostic]) throws -> Finding {
        var pin = ContentPin()
        let manifestFile = try folder.pin(Manifest.fileName, as: .manifest)
        pin.add(manifestFile)
        let manifest = try Manifest.parse(bytes: try manifestFile.contents(), file: Manifest.fileName)
        problems += manifest.warnings + manifest.problems(in: site.configuration, at: now)
        let table = try self.table(manifest, folder)
        pin.add(table.file)
        let zones = RowZones(site.configuration.zone.value)
        let columns = JobColumns(
            manifest,
            header: table.header,
            zones: zones,
            language: site.configuration.language?.value,
            problems: &problems
        )
        let verdicts = TrackedAct.allCases.map { site.configuration.verdict(on: $0, for: manifest).decision }
        problems += TrackingHostCheck(site: site).problems(of: manifest)
        problems += wishProblems(manifest, table, columns, isTracked: verdicts.contains(where: \.isOn))
        let holidays = self.holidays(manifest, folder, &problems)
        let templates = TemplateFiles(folder: folder, site: site.templates)
        let signer = signer(manifest, &problems)
        let composer = self.composer(manifest, table.header, templates, signer, &problems)
        templates.add(to: &pin)
        let pinned = [Manifest.fileName: manifestFile.digest, table.file.name: table.file.digest]
        do {
            try Checksums.verify(
                in: folder,
                pinned: pinned.merging(templates.digests) { $1 },
                // A list's subscribers were written down by us.
                required: [Manifest.fileName] + (manifest.recipientList == nil ? [table.file.name] : [])
            )
        } catch {
            problems += error.all
        }
        let route = try? route(manifest, &problems)
        guard let composer, let columns, !problems.contains(where: { $0.severity == .error }) else {
            return Finding(job: nil, problems: problems, manifest: manifest)
        }
        let attachmentPins =
            manifest.attachments.isEmpty
            ? nil
            : try AttachmentPins(
                folder: folder,
                slots: manifest.attachments.count,
                scratch: try site.outbox(),
                excluding: [manifestFile, table.file]
            )
        let minter = try self.minter(manifest)
        var scan = RowScan(
            manifest: manifest,
            columns: columns,
            composer: composer,
            attachments: attachmentPins,
            minter: minter,
            today: CalendarDate(of: now, in: site.configuration.zone.value),
            isTracked: verdicts.contains(where: \.isOn)
        )
        var finding = try scan.run(table)
        finding.problems = problems + finding.problems
        finding.manifest = manifest
        if let attachmentPins { pin.add(attachments: try attachmentPins.finish()) }
        if composesEveryRow { try scan.compose(table, &finding) }
        guard finding.rows > 0 else {
            let list = manifest.recipientList?.value
            finding.problems.append(
                Diagnostic(
                    list.map { "the list \($0) has no subscribers" } ?? "the recipient table has no rows",
                    at: Place(file: table.file.name),
                    fix: list == nil ? "add the recipients" : "wait until somebody has subscribed, then remove REJECTED"
                )
            )
            return finding
        }
        guard let id = pin.jobID, let route else { return finding }
        finding.job = PreparedJob(
            folder: folder,
            manifest: manifest,
            table: table,
            columns: columns,
            rowCount: finding.rows,
            attachmentPins: attachmentPins,
            withoutFiles: scan.withoutFiles,
            composer: composer,
            route: route,
            run: identity(id, pin.digest, takenUp: now, manifest),
            minter: minter,
            returnPath: site.returnPath(keys),
            zone: site.configuration.zone.value,
            zones: zones,
            holidays: holidays,
            tracking: JobTracking(
                opens: verdicts[0],
                clicks: verdicts[1],
                untrackedRows: finding.untrackedRows
            ),
            warnings: finding.problems
        )
        return finding
    }

    /// A run's identity: what its messages have in common.
    func identity(_ id: JobID, _ digest: [UInt8], takenUp: Timestamp, _ manifest: Manifest) -> JobIdentity {
        JobIdentity(
            id: id,
            contentDigest: digest,
            takenUp: takenUp,
            messages: MessageIdentities(key: keys.identity, job: id, domain: manifest.from.value.address.domain)
        )
    }

    // MARK: - Parts

    private func table(_ manifest: Manifest, _ folder: JobFolder) throws -> RecipientTable {
        if let list = manifest.recipientList, try folder.directory.status(of: manifest.recipients.value) == nil {
            return try SubscriberSnapshot(site: site, keys: keys).table(list.value)
        }
        return try Self.readTable(manifest, folder)
    }

    /// The table in a job's folder, read as its manifest says.
    static func readTable(_ manifest: Manifest, _ folder: JobFolder) throws -> RecipientTable {
        let encoding: TextEncoding? =
            switch manifest.encoding?.value {
            case .utf8: .utf8
            case .utf16: .utf16
            case .windows1252: .windows1252
            case nil: nil
            }
        return try RecipientTable(
            pinning: manifest.recipients.value,
            in: folder,
            encoding: encoding,
            delimiter: manifest.delimiter.flatMap { CSVDelimiter(rawValue: $0.value) }
        )
    }

    /// The problems that an error is made of; at `place` for one that knows none itself.
    private static func told(_ error: any Error, at place: Place?) -> [Diagnostic] {
        switch error {
        case let found as Diagnostics: return found.all
        case let found as Diagnostic: return [found]
        case let error as EngineError: return error.problems
        default:
            var problem = Diagnostic("\(error)", at: place)
            problem.mayPass = (error as? FileError)?.mayPass ?? false
            return [problem]
        }
    }

    /// The site's holidays and the job's own.
    private func holidays(_ manifest: Manifest, _ folder: JobFolder, _ problems: inout [Diagnostic]) -> Holidays {
        var holidays = Holidays()
        do {
            if let name = site.configuration.holidays {
                holidays = try Holidays.parse(try site.file(name), file: name.value)
            }
            if let name = manifest.holidays {
                let file = try folder.pin(name.value, as: .holidays)
                holidays = holidays.union(try Holidays.parse(try file.contents(), file: name.value))
            }
        } catch {
            problems += Self.told(error, at: manifest.holidays?.place)
        }
        return holidays
    }

    private func composer(
        _ manifest: Manifest,
        _ header: CSVHeader,
        _ templates: TemplateFiles,
        _ signer: MessageSigner?,
        _ problems: inout [Diagnostic]
    ) -> Composer? {
        do {
            let images = try templates.images(manifest)
            let html = try templates.source(manifest.template.value + ".html")
            let text = try templates.source(manifest.template.value + ".txt")
            guard html != nil || text != nil else {
                throw Diagnostic(
                    "there is no \(manifest.template.value).html and no \(manifest.template.value).txt",
                    at: manifest.template.place,
                    fix: "put one into the job's folder or the site's templates/"
                )
            }
            let design = JobDesign(
                manifest,
                header: header,
                html: html,
                text: text,
                images: images,
                site: site.configuration
            )
            let composer = try Composer(design, loader: { try? templates.source($0) }, signer: signer)
            problems += composer.warnings
            return composer
        } catch {
            problems += Self.told(error, at: manifest.template.place)
        }
        return nil
    }

    private func signer(_ manifest: Manifest, _ problems: inout [Diagnostic]) -> MessageSigner? {
        do throws(EngineError) {
            return try SigningKeys(site: site).signer(of: manifest.from.value.address.domain)
        } catch {
            problems += error.problems
            return nil
        }
    }

    private func route(_ manifest: Manifest, _ problems: inout [Diagnostic]) throws -> RouteSettings? {
        // A manifest whose route is unknown was reported with the manifest's own problems.
        let route = try site.configuration.route(for: manifest)
        do throws(EngineError) {
            return try RouteBuilder(site: site).settings(route, heloName: manifest.from.value.address.domain)
        } catch {
            problems += error.problems
            return nil
        }
    }

    /// Columns that may have been meant to say who is not to be tracked, and say nothing to us.
    private func wishProblems(
        _ manifest: Manifest,
        _ table: RecipientTable,
        _ columns: JobColumns?,
        isTracked: Bool
    ) -> [Diagnostic] {
        guard isTracked, let columns, columns.noTracking == nil else { return [] }
        return table.header.names.filter(TrackingWish.isNear).map { name in
            Diagnostic(
                "column \"\(name)\" is not read as the wish not to be tracked",
                at: Place(file: table.file.name, line: table.header.line),
                fix: "if it is one, call it \(TrackingWish.column), or add `no_tracking: \(name)` below `columns`",
                severity: .warning
            )
        }
    }

    /// Makes the links of a job: each sender domain's lead to its own host; without a tracking server there are opt-outs by
    /// message, where a mailbox takes them.
    private func minter(_ manifest: Manifest) throws -> (any TokenMinting)? {
        guard let tracking = site.configuration.tracking else {
            return site.returnPath(keys).map { MailTokens(returnPath: $0) }
        }
        let url = tracking.baseURL(forSender: manifest.from.value.address.domain)
        guard let base = BaseURL(url.value) else {
            throw Diagnostic("this is no address for links", at: url.place, fix: "https://host")
        }
        return TrackingTokens(
            baseURL: base,
            keys: keys.tokens,
            tagger: AddressTagger(key: keys.addressTag),
            returnPath: site.returnPath(keys)
        )
    }
}
