import ArgumentParser

/// Mail merge for protected health information.
@main
struct Wardpost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "wardpost")
}
