#!/usr/bin/env perl
# Makes the databases beside it with MaxMind's own writer (Debian: libmaxmind-db-writer-perl), so that our reader is tried on files
# that our code did not make. Only needed when they are to change.
use strict;
use warnings;
use utf8;
use FindBin;
use MaxMind::DB::Writer::Tree;

my %types = (
    country => 'map', registered_country => 'map', city => 'map', names => 'map', subdivisions => [ 'array', 'map' ],
    iso_code => 'utf8_string', en => 'utf8_string', de => 'utf8_string', geoname_id => 'uint32',
);

sub make {
    my ($file, %networks) = @_;
    my $tree = MaxMind::DB::Writer::Tree->new(
        ip_version => 6, record_size => 24, database_type => 'GeoLite2-City', languages => [ 'en', 'de' ],
        description => { en => 'Made-up places for tests' }, remove_reserved_networks => 0, alias_ipv6_to_ipv4 => 1,
        map_key_type_callback => sub { $types{ $_[0] } },
    );
    $tree->insert_network($_, $networks{$_}) for sort { ($a =~ m{/(\d+)})[0] <=> ($b =~ m{/(\d+)})[0] or $a cmp $b } keys %networks;
    open my $handle, '>:raw', "$FindBin::Bin/$file" or die "$file: $!";
    $tree->write_tree($handle);
    close $handle or die "$file: $!";
}

sub place {
    my ($country, $region, $city) = @_;
    my %place = (country => { iso_code => $country, names => { en => "Country $country" } });
    $place{subdivisions} = [ { iso_code => 'XX', names => { en => $region } } ] if $region;
    $place{city} = { geoname_id => 1, names => { en => $city, de => "$city (de)" } } if $city;
    return \%place;
}

make(
    'places.mmdb',
    '192.0.2.0/24' => place('US', 'Texas', 'Austin'),
    '198.51.100.0/25' => place('DE', 'Bavaria', 'Röthenbach an der Pegnitz'),
    '203.0.113.0/24' => { registered_country => { iso_code => 'JP' } },
    '2001:db8::/32' => place('FR'),
    '2001:db8:7::/48' => place('ES', 'Andalusia', "Cádiz\n=1+1"),
);
make('moved.mmdb', '192.0.2.0/24' => place('CA', 'Ontario', 'Toronto'));
