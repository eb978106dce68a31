/// The name that was probably meant, for a word that is none of the allowed ones.
public enum Suggestion {
    /// The nearest of the candidates by edits (insert, delete, replace, swap neighbours), if near enough to be a slip:
    /// one edit for short names, two or three for long ones.
    ///
    /// Case does not count.
    public static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        let limit = max(1, min(3, word.count / 3))
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(Array(word.lowercased()), Array(candidate.lowercased()))
            if distance <= limit, distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.name
    }

    /// Optimal string alignment distance.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var older: [Int] = []
        var old = Array(0...right.count)
        for (row, a) in left.enumerated() {
            var new = [row + 1]
            for (column, b) in right.enumerated() {
                var cost = min(old[column] + (a == b ? 0 : 1), old[column + 1] + 1, new[column] + 1)
                if row > 0, column > 0, a == right[column - 1], left[row - 1] == b {
                    cost = min(cost, older[column - 1] + 1)
                }
                new.append(cost)
            }
            (older, old) = (old, new)
        }
        return old[right.count]
    }
}
