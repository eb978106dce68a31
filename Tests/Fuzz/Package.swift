// swift-tools-version: 6.2

import PackageDescription

// Whatever reads what others wrote, given to libFuzzer. A package of its own, so that the product carries nothing for it; the
// sources are the product's own, by links in Sources.
let package = Package(
    name: "fuzz",
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1"),
        .systemLibrary(name: "CLibCSV"),
        .systemLibrary(name: "CLibIDN2", pkgConfig: "libidn2"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CGMime", pkgConfig: "gmime-3.0"),
        .systemLibrary(name: "CLibMaxMindDB", pkgConfig: "libmaxminddb"),
        .target(name: "Core"),
        .target(name: "Files", dependencies: ["CLinux"]),
        .target(name: "OpenSSL", dependencies: ["COpenSSL"]),
        .target(name: "YAML", dependencies: ["Core", "CLibYAML"]),
        .target(
            name: "Transport",
            dependencies: ["OpenSSL", .product(name: "NIOCore", package: "swift-nio")]
        ),
        .target(
            name: "Intake",
            dependencies: ["Core", "Files", "OpenSSL", "YAML", "CLibCSV", "CLibIDN2", "CLinux"]
        ),
        .target(name: "Compose", dependencies: ["Core", "OpenSSL"]),
        .target(
            name: "Delivery",
            dependencies: [
                "Core", "OpenSSL", "Transport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "DequeModule", package: "swift-collections"),
            ]
        ),
        .target(name: "Ledger", dependencies: ["Core", "Files", "OpenSSL", "CLinux"]),
        .target(
            name: "Bounces",
            dependencies: ["Core", "YAML", "CGMime"],
            resources: [.embedInCode("Resources/bounce-rules.yaml")]
        ),
        .target(
            name: "Web",
            dependencies: [
                "Core", "OpenSSL", "Transport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
            ]
        ),
        .target(
            name: "Tracking",
            dependencies: [
                "Core", "Files", "OpenSSL", "YAML", "Web", "CLibMaxMindDB",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Automation/automation.yaml")]
        ),
        .target(name: "Records", dependencies: ["Core", "Files", "OpenSSL", "Ledger"]),
        .target(
            name: "Reports",
            dependencies: [
                "Core", "Files", "OpenSSL", "Intake", "Ledger", "Tracking", "Records",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]
        ),
        .target(
            name: "API",
            dependencies: [
                "Core", "OpenSSL", "YAML", "Tracking", "Records", "Reports", "Web",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .target(
            name: "Engine",
            dependencies: [
                "Core", "Files", "OpenSSL", "Intake", "Compose", "Delivery", "Ledger", "Bounces", "Tracking", "Records",
                "Reports", "API", "CLinux",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "Core", "Files", "OpenSSL", "Intake", "Compose", "Delivery", "Ledger", "Bounces", "Web", "Tracking",
                "Reports", "API", "Engine",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            // libFuzzer brings its own `main`.
            swiftSettings: [.unsafeFlags(["-parse-as-library"])]
        ),
    ],
    swiftLanguageModes: [.v6]
)

// As in the product's own package.
for target in package.targets where target.type != .system {
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .treatAllWarnings(as: .error),
            .strictMemorySafety(),
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        ]
}
