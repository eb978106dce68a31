import Testing

/// Tests that drive the built program against other people's programs.
///
/// They take both cores and much time, so they run one after the other.
@Suite(.serialized)
enum EndToEnd {}
