#!/bin/sh
# Exim with greylistd as its policy server. It takes everything into its queue, and delivers one message of ten: a process for
# each delivery would make this the slowest of all tests; see cell.sh.
set -eu
: "${scripts:?}" "${fast:?}" "${peers:?}" "${directory:?}" "${port:?}" "${implicit:?}" "${mutual:?}"
sh "$scripts/greylistd.sh"
mkdir -m 750 "$fast/spool" "$fast/logs"
chown Debian-exim:Debian-exim "$fast/spool" "$fast/logs"
cp "$directory/relay.key" "$fast/relay.key"
chown Debian-exim "$fast/relay.key"
mkdir -p /etc/exim4
cat >/etc/exim4/exim4.conf <<END
primary_hostname = relay.test
keep_environment =
exim_path = $peers/usr/sbin/exim4
spool_directory = $fast/spool
log_file_path = $fast/logs/%slog
pid_file_path = $fast/exim.pid
notifier_socket =
local_interfaces = <; [127.0.0.1]:$port; [127.0.0.1]:$implicit; [127.0.0.1]:$mutual
tls_on_connect_ports = $implicit
tls_advertise_hosts = *
tls_certificate = $directory/relay.pem
tls_privatekey = $fast/relay.key
auth_advertise_hosts = \${if def:tls_in_cipher {*}}
smtputf8_advertise_hosts = *
tls_verify_hosts = \${if eq {\$received_port}{$mutual}{*}}
tls_verify_certificates = \${if eq {\$received_port}{$mutual}{$directory/clients.pem}{/etc/ssl/certs/ca-certificates.crt}}
message_size_limit = 200000
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
smtp_max_synprot_errors = 1000000
smtp_max_unknown_commands = 1000000
split_spool_directory
log_selector = +received_recipients +smtp_no_mail +tls_cipher +queue_time
acl_smtp_rcpt = recipient
acl_smtp_data = content

begin acl

recipient:
  deny !authenticated = *
       !condition = \${if and {{eq {\$received_port}{$mutual}} {bool{\$tls_in_certificate_verified}}}}
       message = relay not permitted
  deny local_parts = ^policy
       message = 554 5.7.1 not for this recipient
  deny local_parts = ^full
       message = 552 5.2.2 the mailbox is full
  deny !verify = recipient
  defer local_parts = ^grey
       condition = \${if eq {\${readsocket{$fast/greylistd/socket}\\
                     {--grey \$sender_host_address \$sender_address \$local_part@\$domain}{5s}}}{true}}
       message = 451 4.7.1 greylisted; come again later
  warn !local_parts = \\N^(grey|word|ü|p[0-9]*0\$)\\N
       control = queue_only
  accept

content:
  deny condition = \${if match {\$h_subject:}{forbidden}}
       message = 550 5.6.0 this word is not liked here
  accept

begin routers

mailbox:
  driver = accept
  domains = kunde.test
  local_parts = ^(p|word|large|grey|ü)
  transport = maildir

begin transports

maildir:
  driver = appendfile
  directory = $fast/mail/all
  maildir_format
  create_directory
  directory_mode = 0700
  delivery_date_add
  envelope_to_add
  user = vmail
  group = vmail

begin retry
* * F,1h,1m

begin authenticators

plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and {{eq {\$auth2}{sender}} {eq {\$auth3}{pencil & paper}}}}
  server_set_id = \$auth2

login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and {{eq {\$auth1}{sender}} {eq {\$auth2}{pencil & paper}}}}
  server_set_id = \$auth1

external:
  driver = external
  public_name = EXTERNAL
  server_advertise_condition = \$tls_in_certificate_verified
  server_param2 = \${certextract{subj_altname,dns}{\$tls_in_peercert}}
  server_condition = \${if eq {\$auth2}{sender.clinic.test}}
  server_set_id = sender
END
exec "$peers/usr/sbin/exim4" -bdf
