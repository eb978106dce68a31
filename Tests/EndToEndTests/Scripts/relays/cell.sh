#!/bin/sh
# A place for a mail server that nothing is left of: run it in namespaces of mounts and processes of its own, as root:
#
#     unshare --mount --pid --fork --kill-child --mount-proc sh cell.sh SERVER DIRECTORY PEERS PORT PORT PORT
#
# DIRECTORY holds relay.pem, relay.key and clients.pem; mail, queue and log go to DIRECTORY/fast, which is memory. The server sees an
# /etc, /run, /var/spool and /var/lib of its own: it needs none of this machine's and finds none of what is installed here.
# The first port is for STARTTLS, the second for implicit TLS, the third for STARTTLS with a client certificate that clients.pem
# vouches for; there nobody needs a password. Whose address begins so, in kunde.test, is treated so:
#
#     nobody  unknown user        full  mailbox full        policy  refused by policy        grey  greylisted at first
#     p, word, large and names beyond ASCII that begin with ü have mailboxes
#
# Mail of more than 200,000 bytes, or with "forbidden" in its subject, is refused. One logs in as sender, with the password
# "pencil & paper".
set -eu
server=$1 directory=$2 peers=$3 port=$4 implicit=$5 mutual=$6
scripts=$(cd "$(dirname "$0")" && pwd)
fast=$directory/fast
export scripts fast peers port implicit mutual directory

mkdir -p "$fast"
chmod 755 "$directory"
mount -t tmpfs -o mode=755 relay "$fast"
# Servers run their own programs as other users, who may not be let in where these lie.
mkdir "$fast/programs"
mount --bind "$peers" "$fast/programs"
peers=$fast/programs
cp -a /etc "$fast/etc"
mount --bind "$fast/etc" /etc
for place in /run /var/spool /var/lib /var/mail; do mount -t tmpfs -o mode=755 relay "$place"; done
number=64001
for user in Debian-exim opensmtpd opensmtpq greylist postgrey vmail; do
    sed -i "/^$user:/d" /etc/passwd /etc/group
    echo "$user:x:$number:$number::$fast/mail:/bin/false" >>/etc/passwd
    echo "$user:x:$number:" >>/etc/group
    number=$((number + 1))
done
mkdir -m 700 "$fast/mail"
chown vmail:vmail "$fast/mail"
# This shell stays the first process, which takes all others with it: Exim, being set-user-ID, would outlive whoever started it.
sh "$scripts/$server.sh" &
wait $!
