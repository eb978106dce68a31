/// What kind of device or program asked, as far as the agent tells.
///
/// An iPad says that it is a Mac unless its owner asks for mobile pages.
public enum DeviceFamily: String, CaseIterable, Sendable {
    /// An iPhone or an iPod.
    case iPhone
    /// An iPad that says so.
    case iPad
    /// A telephone or tablet with Android.
    case android = "Android"
    /// A computer with Windows.
    case windows = "Windows"
    /// A Mac.
    case mac = "Mac"
    /// A Chromebook.
    case chromeOS = "ChromeOS"
    /// A computer with Linux or BSD.
    case linux = "Linux"
    /// A provider's proxy, behind which the device is not seen.
    case proxy
    /// Nothing that we know.
    case other

    /// Words of agents, the telling ones first: Android says Linux as well, and an iPhone Mac.
    private static let words: [(text: String, family: DeviceFamily)] = [
        ("imageproxy", .proxy), ("mailproxy", .proxy), ("via ggpht.com", .proxy), ("iphone", .iPhone),
        ("ipod", .iPhone),
        ("ipad", .iPad), ("windows", .windows), ("android", .android), ("cros ", .chromeOS), ("macintosh", .mac),
        ("mac os x", .mac), ("macos", .mac), ("ios/", .iPhone), ("linux", .linux), ("x11;", .linux), ("bsd", .linux),
        ("dalvik", .android), ("darwin", .mac),
    ]
    private static let finder = TextFinder(words.enumerated().map { (text: $0.element.text, id: $0.offset) })

    /// Takes an agent apart.
    public init(agent: String) {
        var best = Self.words.count
        Self.finder.find(in: [UInt8](lowercasing: agent)) { best = min(best, $0) }
        self = best < Self.words.count ? Self.words[best].family : .other
    }
}
