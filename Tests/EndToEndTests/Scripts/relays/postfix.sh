#!/bin/sh
# Postfix with Cyrus SASL, and postgrey as its policy server; see cell.sh.
set -eu
: "${fast:?}" "${peers:?}" "${directory:?}" "${port:?}" "${implicit:?}" "${mutual:?}"
mkdir -p /etc/postfix/sasl "$fast/spool" "$fast/postgrey"
mkdir -m 700 "$fast/data"
chown postfix "$fast/data"
chown postgrey:postgrey "$fast/postgrey"

printf '%s' 'pencil & paper' | saslpasswd2 -p -c -f /etc/postfix/sasl/users -u relay.test sender
chgrp postfix /etc/postfix/sasl/users
chmod 640 /etc/postfix/sasl/users
cat >/etc/postfix/sasl/smtpd.conf <<END
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: /etc/postfix/sasl/users
mech_list: PLAIN LOGIN SCRAM-SHA-256
END

# After five messages on one day postgrey would trust a sender; here every new recipient waits.
perl -T "$peers/usr/sbin/postgrey" --unix="$fast/postgrey/socket" --dbdir="$fast/postgrey" --pidfile="$fast/postgrey.pid" \
    --user=postgrey --group=postgrey --delay=20 --auto-whitelist-clients=0 --daemonize \
    --whitelist-clients=/dev/null --whitelist-recipients=/dev/null

cat >/etc/postfix/recipients <<'END'
/^full/ 552 5.2.2 the mailbox is full
/^policy/ 554 5.7.1 not for this recipient
/^grey/ greylisted
END
cat >/etc/postfix/mailboxes <<'END'
/^(p|word|large|grey|ü)[^@]*@kunde\.test$/ all/
END
cat >/etc/postfix/subjects <<'END'
/^Subject:.*forbidden/ REJECT 5.6.0 this word is not liked here
END
cat >/etc/postfix/main.cf <<END
compatibility_level = 3.6
queue_directory = $fast/spool
data_directory = $fast/data
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = relay.test
cyrus_sasl_config_path = /etc/postfix/sasl
smtpd_tls_auth_only = yes
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = $directory/relay.pem
smtpd_tls_key_file = $directory/relay.key
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
tls_random_source = dev:/dev/urandom
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_restriction_classes = greylisted
greylisted = check_policy_service unix:$fast/postgrey/socket
smtpd_recipient_restrictions = check_recipient_access regexp:/etc/postfix/recipients, reject_unlisted_recipient
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
local_header_rewrite_clients =
smtputf8_enable = yes
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = kunde.test
virtual_mailbox_maps = regexp:/etc/postfix/mailboxes
virtual_mailbox_base = $fast/mail
virtual_uid_maps = static:$(id -u vmail)
virtual_gid_maps = static:$(id -g vmail)
virtual_mailbox_limit = 0
header_checks = regexp:/etc/postfix/subjects
message_size_limit = 200000
maillog_file = $fast/log
maillog_file_prefixes = $fast
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C
END
cat >/etc/postfix/master.cf <<END
127.0.0.1:$port inet n - n - 70 smtpd
127.0.0.1:$implicit inet n - n - 70 smtpd
  -o smtpd_tls_wrappermode=yes
127.0.0.1:$mutual inet n - n - 70 smtpd
  -o smtpd_tls_req_ccert=yes
  -o smtpd_tls_CAfile=$directory/clients.pem
  -o smtpd_relay_restrictions=permit_tls_all_clientcerts,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
END
exec postfix -c /etc/postfix start-fg
