#!/bin/bash
# A real MQTT server: Debian's mosquitto, on loopback, with nothing under /var or /etc.
#   mosquitto.sh start DIR PORT [SECONDS]   PORT plain, PORT+1 TLS; both ask for a password. Saved so often, else at every change
#   mosquitto.sh stop|kill DIR    end it cleanly | SIGKILL; its data stays in DIR
#   mosquitto.sh login DIR USER PASSWORD   from now on it knows this user, until its next start: it ends the connections of an older password
# The user sluice with the password sluice-secret. Certificates: DIR/tls/ca.pem, client.pem, client.key. Each packet is a line of DIR/log.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

server=/usr/sbin/mosquitto
user=sluice
password=sluice-secret
EX_UNAVAILABLE=69

# Saved at every change: what SIGKILL finds only in memory is lost, though it was acknowledged. Each time the whole store is written, so
# that a long queue wants to be saved seldom.
configure() {
    local every=1 changes=true
    [ -z "$SECONDS_BETWEEN" ] || { every=$SECONDS_BETWEEN; changes=false; }
    mkdir -p "$DIR/data"
    mosquitto_passwd -b -c "$DIR/passwords" "$user" "$password"
    cat >"$DIR/mosquitto.conf" <<CONF
user root
allow_anonymous false
password_file $DIR/passwords
persistence true
persistence_location $DIR/data/
autosave_interval $every
autosave_on_changes $changes
max_queued_messages 0
max_inflight_messages 1000
log_dest stderr
log_type all
connection_messages true
listener $PORT 127.0.0.1
listener $((PORT + 1)) 127.0.0.1
cafile $DIR/tls/ca.pem
certfile $DIR/tls/server.pem
keyfile $DIR/tls/server.key
CONF
}

start() {
    [ "$PORT" -gt 0 ] || die "start needs a port"
    [ -x "$server" ] || { echo "mosquitto.sh: $server is missing: run make servers" >&2; exit $EX_UNAVAILABLE; }
    [ -s "$DIR/pid" ] && running "$(cat "$DIR/pid")" && die "already running in $DIR"
    certificates
    configure
    spawn "$server" -c "$DIR/mosquitto.conf"
    await_port "$PORT"
    await_port $((PORT + 1))
}

login() {
    mosquitto_passwd -b "$DIR/passwords" "$1" "$2"
    kill -HUP "$(cat "$DIR/pid")"
}

verb=${1:-}
[ $# -ge 2 ] || die "usage: mosquitto.sh start DIR PORT [SECONDS] | stop DIR | kill DIR | login DIR USER PASSWORD"
mkdir -p "$2"
DIR=$(cd "$2" && pwd)
case $verb in
    start) PORT=${3:-0} SECONDS_BETWEEN=${4:-} start ;;
    login) login "$3" "$4" ;;
    stop) end TERM ;;
    kill) end KILL ;;
    *) die "unknown verb $verb" ;;
esac
