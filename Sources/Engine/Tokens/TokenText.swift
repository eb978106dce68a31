import Core
import Delivery
import Foundation

/// What a command or a file gives as a token: the token alone, or the JSON of RFC 6749 section 5.1.
enum TokenText {
    private struct Answer: Decodable {
        var token: String
        var lifetime: Int?

        enum CodingKeys: String, CodingKey {
            case token = "access_token"
            case lifetime = "expires_in"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            token = try container.decode(String.self, forKey: .token)
            if let number = try? container.decodeIfPresent(Double.self, forKey: .lifetime) {
                lifetime = Int(exactly: number.rounded(.down))
            } else if let text = try container.decodeIfPresent(String.self, forKey: .lifetime) {
                // Some providers write the number as text.
                lifetime = Int(text)
            }
        }
    }

    /// Reads it; `what` begins the sentence if it cannot be a token, which never repeats a byte of it.
    static func read(_ bytes: [UInt8], lifetime: Int?, from what: String) throws(TokenProblem) -> RouteTokens.Fetched {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TokenProblem("\(what) gave no text", isTemporary: false)
        }
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !trimmed.isEmpty else { throw TokenProblem("\(what) gave nothing", isTemporary: false) }
        var fetched = RouteTokens.Fetched(text: Protected(trimmed), lifetime: lifetime)
        if trimmed.hasPrefix("{") {
            guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(trimmed.utf8)) else {
                throw TokenProblem("\(what) gave JSON without an access_token", isTemporary: false)
            }
            fetched.text = Protected(answer.token)
            if let seconds = answer.lifetime {
                guard seconds > 0 else { throw TokenProblem("\(what) gave a token that has ended", isTemporary: true) }
                fetched.lifetime = min(seconds, lifetime ?? seconds)
            }
        }
        guard AccessToken.isGood(fetched.text.exposed) else {
            throw TokenProblem("\(what) gave something that is no token", isTemporary: false)
        }
        return fetched
    }
}
