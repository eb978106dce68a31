import Core
import Testing

/// Who decides whether something is tracked.
@Suite struct TrackingDecisionTests {
    /// What site, sender's domain, sender's address, job and recipient say, and what comes of it.
    ///
    /// `off` is off, `~` is anything but off, `-` is nothing, `*` is whatever they like.
    static let rules: [(words: String, isOn: Bool, by: TrackingRule)] = [
        ("off *   *   *   *", false, .site),
        ("~   off *   *   *", false, .senderDomain),
        ("~   ~   off *   *", false, .senderAddress),
        ("~   ~   ~   off *", false, .job),
        ("~   ~   ~   ~   off", false, .recipient),
        ("~   ~   ~   on  ~", true, .job),
        ("~   ~   ~   -   ~", false, .unset),
    ]

    /// Whether five words fit a pattern.
    static func fits(_ words: [Bool?], _ pattern: String) -> Bool {
        zip(words, pattern.split(separator: " ")).allSatisfy { word, wanted in
            switch wanted {
            case "off": word == false
            case "on": word == true
            case "-": word == nil
            case "~": word != false
            default: true
            }
        }
    }

    /// Every combination: each of four levels says on, off or nothing, and the recipient off or nothing.
    static let combinations: [[Bool?]] = {
        let words: [Bool?] = [true, false, nil]
        return words.flatMap { site in
            words.flatMap { domain in
                words.flatMap { address in
                    words.flatMap { job in [nil, false].map { [site, domain, address, job, $0] } }
                }
            }
        }
    }()

    @Test("Of all combinations of the five levels, each has one rule, the strictest")
    func combinations() throws {
        #expect(Self.combinations.count == 162)
        for words in Self.combinations {
            let fitting = Self.rules.filter { Self.fits(words, $0.words) }
            #expect(fitting.count == 1, "\(words)")
            let expected = try #require(fitting.first)
            var said: [TrackingRule: Bool] = [:]
            for (level, word) in zip(TrackingDecision.levels, words) { said[level] = word }
            #expect(TrackingDecision(said) == TrackingDecision(expected.isOn, by: expected.by), "\(words)")
        }
    }
}
