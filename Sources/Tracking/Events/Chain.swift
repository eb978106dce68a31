import Core
import OpenSSL

/// The keyed chain that runs through the lines of one of our append-only files.
///
/// The first line names the file. It gives, under a key that only the site has, a secret of this one file. Each line ends
/// in a quarter of a digest: `mac` is the first 8 bytes of SHA-256 over the file's secret, the
/// line before's `mac`, and the line's own text. What is not shown of a digest stays unknown, so that nobody without the
/// key can write a line, change one, or move one, take one out or bring one in from another file.
///
/// A line that does not fit is left out and counted, and the chain goes on from the `mac` that it shows: damage costs the
/// damaged line, and not the opt-outs behind it.
struct Chain: ~Copyable {
    static let macCount = 8
    /// How many bytes close a line: `,"mac":"…"}`.
    static let tailCount = 8 + 2 * macCount + 2

    private let secret: [UInt8]
    private var hasher = SHA256()
    private(set) var previous: [UInt8]
    private var digest = [UInt8](repeating: 0, count: SHA256.byteCount)

    private static let digits = Array("0123456789abcdef".utf8)

    /// Begins the chain of a file with its first line's text, up to `,"mac"`.
    init(key: HMACSHA256, header: ArraySlice<UInt8>) {
        secret = key.tag(of: header)
        previous = Array(repeating: 0, count: Self.macCount)
    }

    /// Begins the chain of a new file.
    ///
    /// - Parameters:
    ///   - format: What the file is.
    ///   - file: Its own name, which no other has.
    ///   - key: The key.
    ///   - number: The key's number.
    ///   - time: When it is begun.
    ///   - output: Takes the file's first line.
    init(
        _ format: String,
        file: String,
        key: HMACSHA256,
        number: Int,
        at time: Timestamp,
        to output: inout [UInt8]
    ) {
        var header = JSONLine()
        header.append("wardpost", format)
        header.append("version", 1)
        header.append("file", file)
        header.append("key", number)
        header.append("time", time.description)
        self.init(key: key, header: header.bytes[...])
        append(header, to: &output)
    }

    /// The next line's `mac`; the chain goes on from it.
    mutating func next(_ text: ArraySlice<UInt8>) -> [UInt8] {
        advance(text)
        return previous
    }

    private mutating func advance(_ text: ArraySlice<UInt8>) {
        hasher.update(secret)
        hasher.update(previous)
        hasher.update(text)
        unsafe digest.withUnsafeMutableBytes { unsafe hasher.finalize(into: $0) }
        for index in 0..<Self.macCount { previous[index] = digest[index] }
    }

    /// Goes on from the `mac` that a line shows, whether or not it is the right one.
    mutating func resume(from mac: [UInt8]) {
        previous = mac
    }

    /// Appends a line: its text, its `mac`, a line feed.
    mutating func append(_ line: JSONLine, to output: inout [UInt8]) {
        let start = output.count
        output.append(contentsOf: line.bytes)
        close(from: start, in: &output)
    }

    /// Closes the line whose text stands at the end of the output: its `mac`, a line feed.
    mutating func close(from start: Int, in output: inout [UInt8]) {
        advance(output[start...])
        output.append(contentsOf: ",\"mac\":\"".utf8)
        for byte in previous {
            output.append(Self.digits[Int(byte >> 4)])
            output.append(Self.digits[Int(byte & 15)])
        }
        output.append(contentsOf: "\"}\n".utf8)
    }

    /// Takes a line without its line feed apart; `nil` if it does not end in a `mac`.
    static func parts(_ line: ArraySlice<UInt8>) -> (text: ArraySlice<UInt8>, mac: [UInt8])? {
        let text = line.dropLast(tailCount)
        let tail = line[text.endIndex...]
        guard tail.count == tailCount, tail.starts(with: ",\"mac\":\"".utf8), tail.suffix(2).elementsEqual("\"}".utf8)
        else { return nil }
        let digits = tail.dropFirst(8).dropLast(2)
        guard digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let mac = Hex.decode(String(decoding: digits, as: UTF8.self))
        else { return nil }
        return (text, mac)
    }
}
