import Core
import TestSupport

func hex(_ bytes: [UInt8]) -> String {
    Hex.encode(bytes)
}

func unhex(_ text: String) -> [UInt8] {
    Hex.decode(text) ?? []
}

/// Runs the `openssl` command in a directory; what it says on either channel is the output.
func openssl(_ arguments: [String], in directory: TemporaryDirectory) throws -> (status: Int32, output: String) {
    let result = try Command.run(["openssl"] + arguments, directory: directory.path)
    return (result.status, result.text + result.errorText)
}
