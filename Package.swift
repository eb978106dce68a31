// swift-tools-version: 6.2

import PackageDescription

let package = Package(
    name: "wardpost",
    products: [
        .executable(name: "wardpost", targets: ["wardpost"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        // Layer 0: system libraries. A module map and a shim each, nothing else.
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CLibCSV", providers: [.apt(["libcsv-dev"])]),
        .systemLibrary(name: "CLibMaxMindDB", pkgConfig: "libmaxminddb", providers: [.apt(["libmaxminddb-dev"])]),
        .systemLibrary(name: "CLibIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CGMime", pkgConfig: "gmime-3.0", providers: [.apt(["libgmime-3.0-dev"])]),

        // Layer 1: the words, the file system, the cryptography.
        .target(name: "Core"),
        .target(name: "Files", dependencies: ["CLinux"]),
        .target(name: "OpenSSL", dependencies: ["COpenSSL"]),

        // Layer 2: the form of configuration files, and of connections.
        .target(name: "YAML", dependencies: ["Core", "CLibYAML"]),
        .target(
            name: "Transport",
            dependencies: ["OpenSSL", .product(name: "NIOCore", package: "swift-nio")]
        ),

        // Layer 3: the rooms. None imports another.
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

        // Layer 4: what is made of what happened.
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

        // Layer 5: questions across jobs.
        .target(
            name: "Reports",
            dependencies: [
                "Core", "Files", "OpenSSL", "Intake", "Ledger", "Tracking", "Records",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]
        ),

        // Layer 6: the same questions over HTTPS.
        .target(
            name: "API",
            dependencies: [
                "Core", "OpenSSL", "YAML", "Tracking", "Records", "Reports", "Web",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),

        // Layer 7: one job from folder to signed records.
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

        // Layer 8: the command line.
        .executableTarget(
            name: "wardpost",
            dependencies: [
                "Core", "Engine", "Reports",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]
        ),

        .target(name: "TestSupport", dependencies: ["Core", "OpenSSL", "YAML"], path: "Tests/TestSupport"),
        .testTarget(name: "CoreTests", dependencies: ["Core"]),
        .testTarget(name: "FilesTests", dependencies: ["Files"]),
        .testTarget(name: "OpenSSLTests", dependencies: ["Core", "OpenSSL", "TestSupport"]),
        .testTarget(name: "YAMLTests", dependencies: ["Core", "YAML", "TestSupport"]),
        .testTarget(
            name: "BouncesTests",
            dependencies: ["Core", "YAML", "Bounces", "TestSupport"],
            exclude: ["Reports"]
        ),
        .testTarget(
            name: "IntakeTests",
            dependencies: ["Core", "Files", "OpenSSL", "YAML", "Intake", "TestSupport"]
        ),
        .testTarget(
            name: "ComposeTests",
            dependencies: [
                "Core", "Compose", "OpenSSL", "TestSupport",
                .product(name: "Mustache", package: "swift-mustache"),
            ],
            exclude: ["Snapshots"]
        ),
        .testTarget(
            name: "DeliveryTests",
            dependencies: [
                "Core", "OpenSSL", "Transport", "Delivery", "TestSupport",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            exclude: ["Dialogues"]
        ),
        .testTarget(name: "LedgerTests", dependencies: ["Core", "Files", "OpenSSL", "Ledger", "TestSupport"]),
        .testTarget(
            name: "WebTests",
            dependencies: [
                "Core", "OpenSSL", "Transport", "Web", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ]
        ),
        .testTarget(
            name: "TrackingTests",
            dependencies: [
                "Core", "Files", "OpenSSL", "Web", "Tracking", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            exclude: ["Places", "Sessions"]
        ),
        .testTarget(
            name: "RecordsTests",
            dependencies: ["Core", "Files", "OpenSSL", "Ledger", "Records", "TestSupport"],
            exclude: ["Snapshots"]
        ),
        .testTarget(
            name: "ReportsTests",
            dependencies: [
                "Core", "Files", "OpenSSL", "Intake", "Ledger", "Tracking", "Records", "Reports", "TestSupport",
            ]
        ),
        .testTarget(
            name: "APITests",
            dependencies: [
                "Core", "Files", "OpenSSL", "Intake", "Ledger", "Tracking", "Records", "Reports", "API", "TestSupport",
            ]
        ),
        .testTarget(
            name: "EngineTests",
            dependencies: [
                "Core", "Files", "OpenSSL", "Intake", "Compose", "Delivery", "Ledger", "Bounces", "Tracking", "Records",
                "Engine", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "wardpost", "CLinux", "Core", "Files", "OpenSSL", "Delivery", "Tracking", "TestSupport",
            ],
            exclude: ["Scripts"]
        ),
    ],
    swiftLanguageModes: [.v6]
)

// One list of settings for every target, so that no file is built by laxer rules than its neighbour.
let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0461-async-function-isolation.md
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + settings
}
