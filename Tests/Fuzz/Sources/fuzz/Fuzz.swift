import Glibc

/// What libFuzzer calls with each input; `WARDPOST_FUZZ` says which reader gets it.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
    chosen.read(bytes)
    return 0
}

private let chosen: Reader = {
    let name = unsafe getenv("WARDPOST_FUZZ").map { unsafe String(cString: $0) } ?? ""
    guard let reader = Reader.all.first(where: { $0.name == name }) else {
        fatalError("WARDPOST_FUZZ must be one of \(Reader.all.map(\.name))")
    }
    return reader
}()

/// Something that reads what others wrote.
///
/// It may refuse anything; it may not crash, hang or eat the machine's memory.
struct Reader: Sendable {
    let name: String
    let read: @Sendable ([UInt8]) -> Void

    static let all = [
        Reader(name: "bounce", read: readBounce),
        Reader(name: "rules", read: readRules),
        Reader(name: "manifest", read: readManifest),
        Reader(name: "site", read: readSite),
        Reader(name: "table", read: readTable),
        Reader(name: "template", read: readTemplate),
        Reader(name: "address", read: readAddress),
        Reader(name: "reply", read: readReply),
        Reader(name: "request", read: readRequest),
        Reader(name: "token", read: readToken),
        Reader(name: "event", read: readEvent),
    ]
}
