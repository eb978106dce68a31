import Testing

@testable import Engine

@Suite struct BackoffTests {
    @Test(
        "The wait doubles from a minute to an hour",
        arguments: [(1, 60), (2, 120), (3, 240), (4, 480), (5, 960), (6, 1_920), (7, 3_600), (8, 3_600)]
            as [(Int, Int64)]
    )
    func doubles(attempts: Int, seconds: Int64) {
        #expect(Backoff().delay(afterAttempts: attempts, spread: 0.5) == seconds)
    }

    @Test("No number of attempts overflows", arguments: [-1, 0, 62, 63, 64, 255, Int.max, Int.min + 1])
    func extremes(attempts: Int) {
        let wait = Backoff().delay(afterAttempts: attempts, spread: 1)
        #expect((1...4_320).contains(wait))
    }

    @Test(
        "The spread is a fifth either way",
        arguments: [(0.0, 2_880), (0.5, 3_600), (1.0, 4_320)] as [(Double, Int64)]
    )
    func spread(spread: Double, seconds: Int64) {
        #expect(Backoff().delay(afterAttempts: 9, spread: spread) == seconds)
    }

    @Test("A row never waits less than a second")
    func least() {
        #expect(Backoff(first: 0, longest: 0).delay(afterAttempts: 1, spread: 0) == 1)
    }
}
