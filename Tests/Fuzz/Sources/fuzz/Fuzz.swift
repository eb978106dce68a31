import Glibc

/// What libFuzzer calls with each input; `WARDPOST_FUZZ` says which reader gets it.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
    chosen.read(bytes)
    return 0
}

/// What a reader makes once stands until the end, and libFuzzer's look for leaks cannot follow Swift's tagged pointers to it.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafeRawPointer, _ arguments: UnsafeRawPointer) -> CInt {
    ignoreLeaks()
    chosen.read([])
    mindLeaks()
    return 0
}

@_silgen_name("__lsan_disable") private func ignoreLeaks()
@_silgen_name("__lsan_enable") private func mindLeaks()

private let chosen: Reader = {
    let name = unsafe getenv("WARDPOST_FUZZ").map { unsafe String(cString: $0) } ?? ""
    guard let reader = Reader(rawValue: name) else {
        fatalError("WARDPOST_FUZZ must be one of \(Reader.allCases.map(\.rawValue).joined(separator: " "))")
    }
    return reader
}()

/// Something that reads what others wrote.
///
/// It may refuse anything; it may not crash, hang or eat the machine's memory.
enum Reader: String, CaseIterable {
    // What people and other systems write.
    case bounce, rules, manifest, site, table, template, address, suppressions, automation, place, holidays, keys
    // What comes over a network.
    case reply, relay, command, request, http2, form, query, token
    // Our own files, should the disk or somebody change them.
    case event, list, ledger

    func read(_ bytes: [UInt8]) {
        switch self {
        case .bounce: readBounce(bytes)
        case .rules: readRules(bytes)
        case .manifest: readManifest(bytes)
        case .site: readSite(bytes)
        case .table: readTable(bytes)
        case .template: readTemplate(bytes)
        case .address: readAddress(bytes)
        case .suppressions: readSuppressions(bytes)
        case .automation: readAutomation(bytes)
        case .place: readPlace(bytes)
        case .holidays: readHolidays(bytes)
        case .keys: readKeys(bytes)
        case .reply: readReply(bytes)
        case .relay: readRelay(bytes)
        case .command: readCommand(bytes)
        case .request: readRequest(bytes)
        case .http2: readHTTP2(bytes)
        case .form: readForm(bytes)
        case .query: readQuery(bytes)
        case .token: readToken(bytes)
        case .event: readEvent(bytes)
        case .list: readList(bytes)
        case .ledger: readLedger(bytes)
        }
    }
}
