internal import Core

/// The date of RFC 5322 section 3.3, in UTC: `Sat, 21 Nov 2026 21:14:25 +0000`.
enum DateField {
    private static let weekdays = Array("SunMonTueWedThuFriSat".utf8)
    private static let months = Array("JanFebMarAprMayJunJulAugSepOctNovDec".utf8)

    /// Appends the whole field.
    static func append(_ moment: Timestamp, to output: inout [UInt8]) {
        let at = moment.fields
        output.append(contentsOf: "Date: ".utf8)
        output.append(contentsOf: weekdays[(at.weekday * 3)..<(at.weekday * 3 + 3)])
        output.append(contentsOf: ", ".utf8)
        append(at.day, 2, to: &output)
        output.append(0x20)
        output.append(contentsOf: months[(at.month * 3 - 3)..<(at.month * 3)])
        output.append(0x20)
        append(at.year, 4, to: &output)
        output.append(0x20)
        append(at.hour, 2, to: &output)
        output.append(UInt8(ascii: ":"))
        append(at.minute, 2, to: &output)
        output.append(UInt8(ascii: ":"))
        append(at.second, 2, to: &output)
        output.append(contentsOf: " +0000\r\n".utf8)
    }

    private static func append(_ number: Int, _ width: Int, to output: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<width {
            divisor *= 10
        }
        while divisor > 0 {
            output.append(UInt8(truncatingIfNeeded: 0x30 + number / divisor % 10))
            divisor /= 10
        }
    }
}
