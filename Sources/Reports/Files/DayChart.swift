import Core
import Records

/// Charts over the days of a period, as inline SVG: no script, nothing fetched, told apart by pattern and shape as well as
/// by colour, so that a grey print says the same.
struct DayChart {
    /// How a series is drawn.
    enum Mark: String {
        /// A full column, or what stands on top of it with hatching.
        case column
        /// Hatched, on top of the column.
        case hatched
        /// A full line with dots.
        case line
        /// A broken line with squares.
        case broken
    }

    /// Numbers, one a day.
    struct Series {
        var title: String
        var mark: Mark
        var values: [Int]
    }

    private static let width = 720.0
    private static let height = 216.0
    private static let left = 52.0
    private static let top = 12.0
    private static let bottom = 30.0

    let id: String
    let title: String
    let days: [Day]
    let series: [Series]

    /// The highest number that the chart must show.
    private var peak: Int {
        let stacked = series.filter { $0.mark == .column || $0.mark == .hatched }
        let columns = days.indices.map { day in stacked.reduce(0) { $0 + $1.values[day] } }
        let lines = series.filter { $0.mark == .line || $0.mark == .broken }.flatMap(\.values)
        return (columns + lines).max() ?? 0
    }

    /// Draws the chart; nothing if all its numbers are 0.
    func draw(_ html: inout HTMLText) {
        let peak = peak
        guard peak > 0, !days.isEmpty else { return }
        let scale = Scale(peak: peak)
        html.raw("<figure>\n<figcaption>")
        html.text(title)
        legend(&html)
        html.raw("</figcaption>\n")
        html.raw("<svg class=\"chart\" viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\"")
        html.attribute(
            "aria-label",
            "\(title), \(days[0]) to \(days[days.count - 1]). \(summary). The table below has the numbers."
        )
        html.raw(">\n<defs><pattern id=\"\(id)-hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" ")
        html.raw("patternTransform=\"rotate(45)\"><rect class=\"hatch-ground\" width=\"5\" height=\"5\"/>")
        html.raw("<rect class=\"hatch-line\" width=\"2\" height=\"5\"/></pattern></defs>\n")
        grid(scale, &html)
        columns(scale, &html)
        for one in series where one.mark == .line || one.mark == .broken { line(one, scale, &html) }
        labels(&html)
        html.raw("</svg>\n</figure>\n")
    }

    private var summary: String {
        series.map { one in
            let most = one.values.max() ?? 0
            let day = one.values.firstIndex(of: most).map { "\(days[$0])" } ?? ""
            return "\(one.title): \(grouped(one.values.reduce(0, +))) in all, most on \(day) with \(grouped(most))"
        }
        .joined(separator: "; ")
    }

    private func legend(_ html: inout HTMLText) {
        html.raw("<span class=\"legend\">")
        for one in series {
            html.raw("<svg class=\"key\" viewBox=\"0 0 26 12\" aria-hidden=\"true\">")
            switch one.mark {
            case .column: html.raw("<rect class=\"column\" x=\"6\" width=\"14\" height=\"12\"/>")
            case .hatched:
                html.raw("<rect class=\"hatch-ground\" x=\"6\" width=\"14\" height=\"12\"/>")
                html.raw("<path class=\"hatch-stroke\" d=\"M6 12 18 0M12 12 20 4M6 6 12 0\"/>")
            case .line:
                html.raw(
                    "<path class=\"line\" d=\"M1 6H25\"/><circle class=\"dot-line\" cx=\"13\" cy=\"6\" r=\"3.5\"/>"
                )
            case .broken:
                html.raw("<path class=\"broken\" d=\"M1 6H25\"/>")
                html.raw("<rect class=\"dot-broken\" x=\"10\" y=\"3\" width=\"6\" height=\"6\"/>")
            }
            html.raw("</svg>")
            html.text(one.title)
        }
        html.raw("</span>")
    }

    // MARK: - Places

    private var step: Double { (Self.width - Self.left - 8) / Double(days.count) }

    private func x(_ day: Int) -> Double { Self.left + step * (Double(day) + 0.5) }

    private func y(_ value: Int, _ scale: Scale) -> Double {
        let room = Self.height - Self.top - Self.bottom
        return Self.top + room * (1 - Double(value) / Double(scale.highest))
    }

    private func grid(_ scale: Scale, _ html: inout HTMLText) {
        for value in stride(from: 0, through: scale.highest, by: scale.step) {
            let at = Self.text(y(value, scale))
            let style = value == 0 ? "axis" : "grid"
            html.raw("<path class=\"\(style)\" d=\"M\(Self.text(Self.left)) \(at)H\(Self.text(Self.width - 8))\"/>")
            html.raw("<text class=\"scale\" x=\"\(Self.text(Self.left - 7))\" y=\"\(at)\" dy=\".33em\">")
            html.text(grouped(value))
            html.raw("</text>\n")
        }
    }

    private func columns(_ scale: Scale, _ html: inout HTMLText) {
        let width = max(1, min(step * 0.72, 46))
        for day in days.indices {
            var below = 0
            for one in series where one.mark == .column || one.mark == .hatched {
                let value = one.values[day]
                guard value > 0 else { continue }
                let high = y(below + value, scale)
                let box =
                    "x=\"\(Self.text(x(day) - width / 2))\" y=\"\(Self.text(high))\" width=\"\(Self.text(width))\" "
                    + "height=\"\(Self.text(max(0.8, y(below, scale) - high)))\""
                if one.mark == .column {
                    html.raw("<rect class=\"column\" \(box)/>")
                } else {
                    html.raw("<rect class=\"hatched\" fill=\"url(#\(id)-hatch)\" \(box)/>")
                }
                below += value
            }
        }
        html.raw("\n")
    }

    private func line(_ one: Series, _ scale: Scale, _ html: inout HTMLText) {
        let points = one.values.enumerated().map { "\(Self.text(x($0.offset))) \(Self.text(y($0.element, scale)))" }
        html.raw("<path class=\"\(one.mark.rawValue)\" d=\"M\(points.joined(separator: "L"))\"/>")
        // So many dots would hide the line.
        if days.count <= 62 {
            for (day, value) in one.values.enumerated() {
                let (x, y) = (x(day), y(value, scale))
                if one.mark == .line {
                    html.raw("<circle class=\"dot-line\" cx=\"\(Self.text(x))\" cy=\"\(Self.text(y))\" r=\"3\"/>")
                } else {
                    html.raw("<rect class=\"dot-broken\" x=\"\(Self.text(x - 2.5))\" y=\"\(Self.text(y - 2.5))\" ")
                    html.raw("width=\"5\" height=\"5\"/>")
                }
            }
        }
        html.raw("\n")
    }

    private func labels(_ html: inout HTMLText) {
        // A label takes about 48 units.
        let every = max(1, Int((48 / step).rounded(.up)))
        let at = Self.text(Self.height - Self.bottom + 16)
        for day in stride(from: 0, to: days.count, by: every) {
            // The last must not stand out at the side.
            let middle = Self.text(min(x(day), Self.width - 22))
            html.raw("<text class=\"day\" x=\"\(middle)\" y=\"\(at)\">")
            html.text(PeriodText.short(days[day], withMonth: every > 1 || days.count <= 16 || day == 0))
            html.raw("</text>")
        }
        html.raw("\n")
    }

    /// A number with one decimal, whatever the machine's language.
    private static func text(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
    }
}

/// The steps of a scale: 1, 2 or 5 with zeros, four or five of them.
struct Scale: Equatable {
    let step: Int
    let highest: Int

    init(peak: Int) {
        var unit = 1
        var step = 1
        while true {
            if let fitting = [1, 2, 5].map({ $0 * unit }).first(where: { $0 * 5 >= peak }) {
                step = fitting
                break
            }
            unit *= 10
        }
        self.step = step
        highest = step * max(1, (peak + step - 1) / step)
    }
}
