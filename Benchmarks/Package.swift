// swift-tools-version: 6.2

import PackageDescription

// Wardpost's parts, each by itself. A package of its own, so that the product carries nothing for it; the sources are the
// product's own, by links in Sources. Only the layers below the network: nothing is fetched to build it.
let package = Package(
    name: "benchmarks",
    targets: [
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1"),
        .systemLibrary(name: "CLibCSV"),
        .systemLibrary(name: "CLibIDN2", pkgConfig: "libidn2"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CLinux"),
        .target(name: "Core"),
        .target(name: "YAML", dependencies: ["Core", "CLibYAML"]),
        .target(name: "Files", dependencies: ["CLinux"]),
        .target(name: "OpenSSL", dependencies: ["COpenSSL"]),
        .target(
            name: "Intake",
            dependencies: ["Core", "Files", "OpenSSL", "YAML", "CLibCSV", "CLibIDN2", "CLinux"]
        ),
        .target(name: "Compose", dependencies: ["Core", "OpenSSL"]),
        .target(name: "Ledger", dependencies: ["Core", "Files", "OpenSSL", "CLinux"]),
        .executableTarget(name: "parts", dependencies: ["Core", "Files", "OpenSSL", "Intake", "Compose", "Ledger"]),
    ],
    swiftLanguageModes: [.v6]
)

// As in the product's own package.
for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .treatAllWarnings(as: .error),
        .strictMemorySafety(),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
}
