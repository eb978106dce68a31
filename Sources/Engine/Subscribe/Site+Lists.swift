import Core
import Intake
import Tracking

extension Site {
    /// What people call a list, in a language; its own name where nothing is said.
    func title(of list: String, _ language: String) -> String {
        let titles = configuration.lists.first { $0.name == list }?.titles ?? [:]
        let offered = OfferedList(scope: .list(list), titles: titles)
        return offered.title(PageLanguage(tag: language) ?? .english)
    }

    /// What the tracking host must know to take subscriptions; `nil` if the site has no lists for that.
    func subscribeOptions() throws(EngineError) -> SubscribeOptions? {
        guard let subscribe = configuration.subscribe else { return nil }
        var options = SubscribeOptions(
            lists: subscribe.lists.map(\.value),
            key: try SiteKeys.subscribePublicKey(in: try keyDirectory(), name: configuration.keys.value),
            isAddress: { SubscriberAddress.read($0) != nil }
        )
        options.perVisitor = subscribe.perVisitor
        options.perHour = subscribe.perHour
        return options
    }
}
