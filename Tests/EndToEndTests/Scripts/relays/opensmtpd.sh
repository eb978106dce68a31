#!/bin/sh
# OpenSMTPD with greylistd as its policy server, asked by a filter; see cell.sh.
set -eu
: "${scripts:?}" "${fast:?}" "${peers:?}" "${directory:?}" "${port:?}" "${implicit:?}" "${mutual:?}"
sh "$scripts/greylistd.sh"
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
# Where it looks for its own programs, whatever else is in there.
mount -t tmpfs -o mode=755 relay /usr/libexec
cp -a "$peers/usr/libexec/opensmtpd" /usr/libexec/opensmtpd
mount --bind "$peers/usr/sbin/smtpctl" /usr/sbin/smtpctl 2>/dev/null || true
cp "$scripts/grey_filter.py" "$fast/grey_filter.py"
cp "$directory/relay.key" "$fast/relay.key"
chmod 600 "$fast/relay.key"
echo "sender $(openssl passwd -6 'pencil & paper')" >"$fast/users"
chmod 640 "$fast/users"
chown root:opensmtpd "$fast/users"
cat >"$fast/smtpd.conf" <<END
pki relay.test cert "$directory/relay.pem"
pki relay.test key "$fast/relay.key"
ca clients cert "$directory/clients.pem"
table users file:$fast/users
table known { "^p", "^word", "^large", "^grey", "^ü", "^full", "^policy" }
smtp max-message-size 200000
queue ttl 1h
filter grey proc-exec "/usr/bin/python3 $fast/grey_filter.py $fast/greylistd/socket" user greylist
filter policy phase rcpt-to match rcpt-to regex { "^policy" } reject "554 5.7.1 not for this recipient"
filter full phase rcpt-to match rcpt-to regex { "^full" } reject "552 5.2.2 the mailbox is full"
filter all chain { policy, full, grey }
listen on 127.0.0.1 port $port tls-require pki relay.test auth <users> hostname relay.test filter all
listen on 127.0.0.1 port $implicit smtps pki relay.test auth <users> hostname relay.test filter all
listen on 127.0.0.1 port $mutual tls-require verify pki relay.test ca clients hostname relay.test tag MUTUAL filter all
action deliver maildir "$fast/mail/all" virtual { "@" = vmail }
match tag MUTUAL from any for domain kunde.test rcpt-to regex <known> action deliver
match auth from any for domain kunde.test rcpt-to regex <known> action deliver
END
exec "$peers/usr/sbin/smtpd" -d -f "$fast/smtpd.conf" 2>"$fast/log"
