public import NIOCore

/// Sends a source's messages over one route: as many connections as the route allows, each carrying many messages.
public final class RouteSender: Sendable {
    private let route: RouteSettings
    private let source: any MessageSource
    private let group: any EventLoopGroup

    /// Prepares a route; throws if its roots cannot be read.
    public init(route: RouteSettings, group: any EventLoopGroup, source: any MessageSource) throws {
        self.route = route
        self.group = group
        self.source = source
    }

    /// Sends until the source has finished, the route ends by itself, or the task is cancelled; then says goodbye on every
    /// connection and returns. Call it once.
    public func run() async -> RouteEnd {
        .finished
    }

    /// Says that the source has something again after ``NextMessage/later``. Any thread; cheap when nobody waits.
    public func wake() {
    }

    /// What keeps the route from sending right now, if something does: the last failed connection since one worked.
    public var problem: RouteProblem? {
        nil
    }
}
