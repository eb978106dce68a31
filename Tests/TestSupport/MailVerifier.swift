import Foundation

/// Programs by others that check DKIM signatures, each with an answer of ours in place of the DNS.
public enum MailVerifier: String, CaseIterable, Sendable {
    /// dkimpy, with PyNaCl for Ed25519.
    case dkimpy
    /// Perl's Mail::DKIM; its older versions know RSA only, and call Ed25519 invalid.
    case mailDKIM

    /// Whether it is installed.
    public var isThere: Bool {
        switch self {
        case .dkimpy: (try? Command.run([Self.interpreter, "-c", "import dkim, nacl"]).status) == 0
        case .mailDKIM: (try? Command.run(["perl", "-MMail::DKIM::Verifier", "-e1"]).status) == 0
        }
    }

    /// Whether it can check Ed25519.
    public var knowsEd25519: Bool {
        switch self {
        case .dkimpy: true
        case .mailDKIM: (try? Command.run(["perl", "-MMail::DKIM::Algorithm::ed25519_sha256", "-e1"]).status) == 0
        }
    }

    /// What it says of each message's signatures, from the top: `rsa-sha256 pass`.
    ///
    /// - Parameters:
    ///   - messages: Messages with lines that end in CRLF.
    ///   - records: TXT records by name.
    public func verdicts(_ messages: [[UInt8]], records: [String: String]) throws -> [[String]] {
        let directory = try TemporaryDirectory()
        for (number, message) in messages.enumerated() { try directory.write("\(number).eml", message) }
        let lines = records.map { "\($0)\t\($1)\n" }.joined()
        try directory.write("records", text: lines)
        let (program, script) = self == .dkimpy ? (Self.interpreter, Self.python) : ("perl", Self.perl)
        try directory.write("verify", text: script)
        let result = try Command.run([program, directory.path("verify"), directory.path, "\(messages.count)"])
        guard result.status == 0 else { throw Failure(text: result.errorText) }
        let verdicts = result.text.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.split(separator: ",").map(String.init)
        }
        return Array(verdicts.prefix(messages.count))
    }

    /// Debian's own, for which its packages are made.
    private static let interpreter = "/usr/bin/python3"

    /// Whether all are installed.
    public static let areThere = allCases.allSatisfy(\.isThere)

    /// The verifier itself did not run.
    struct Failure: Error {
        let text: String
    }

    private static let python = #"""
        import pathlib, re, sys
        import dkim

        here = pathlib.Path(sys.argv[1])
        records = dict(line.split('\t') for line in (here / 'records').read_text().splitlines())

        def lookup(name, timeout=5):
            text = records.get(name.decode().rstrip('.'))
            return text and text.encode()

        for number in range(int(sys.argv[2])):
            message = (here / f'{number}.eml').read_bytes()
            fields = [value for name, value in dkim.rfc822_parse(message)[0] if name.lower() == b'dkim-signature']
            verdicts = []
            for index, field in enumerate(fields):
                algorithm = re.search(rb'\ba=([a-z0-9-]+)', field)[1].decode()
                try:
                    good = dkim.DKIM(message, minkey=2048).verify(idx=index, dnsfunc=lookup)
                except dkim.DKIMException as error:
                    good = False
                verdicts.append(algorithm + (' pass' if good else ' fail'))
            print(','.join(verdicts))
        """#

    private static let perl = #"""
        use strict;
        use warnings;
        use Mail::DKIM::Verifier;
        use Net::DNS;

        my ($here, $count) = @ARGV;
        open(my $file, '<', "$here/records") or die $!;
        my %records = map { chomp; split /\t/ } <$file>;
        no warnings 'redefine';
        *Mail::DKIM::DNS::query = sub {
            my ($name) = @_;
            return unless defined $records{$name};
            my @parts = unpack '(A255)*', $records{$name};
            return Net::DNS::RR->new(name => $name, type => 'TXT', txtdata => \@parts);
        };
        for my $number (0 .. $count - 1) {
            open(my $message, '<:raw', "$here/$number.eml") or die $!;
            my $verifier = Mail::DKIM::Verifier->new;
            { local $/; $verifier->PRINT(<$message>); }
            $verifier->CLOSE;
            print join(',', map { $_->algorithm . ' ' . $_->result } $verifier->signatures), "\n";
        }
        """#
}
