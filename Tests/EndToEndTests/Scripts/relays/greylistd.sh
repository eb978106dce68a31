#!/bin/sh
# Starts greylistd, a policy server that speaks over a socket, with a short wait; see cell.sh.
set -eu
: "${fast:?}" "${peers:?}"
mkdir -p "$fast/greylistd" /etc/greylistd /var/lib/greylistd
chown greylist:greylist /var/lib/greylistd "$fast/greylistd"
chmod 755 "$fast/greylistd"
cat >/etc/greylistd/config <<END
[timeouts]
retryMin = 20
retryMax = 28800
expire = 5184000
[socket]
path = $fast/greylistd/socket
mode = 0666
owner = greylist:greylist
[data]
update = 300
statefile = /var/lib/greylistd/states
tripletfile = /var/lib/greylistd/triplets
savetriplets = true
singlecheck = false
singleupdate = false
END
/usr/bin/python3 "$peers/usr/sbin/greylistd" /etc/greylistd/config &
