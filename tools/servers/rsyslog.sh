#!/bin/bash
# A real syslog: Debian's rsyslog, which forwards to this machine what programs tell it, with nothing under /var or /etc.
#   rsyslog.sh start DIR PORT WAY   WAY: udp, tcp (octets counted), lines (TCP with line feeds), tls (client.pem is shown)
#   rsyslog.sh stop|kill DIR    end it cleanly | SIGKILL, and what was not forwarded is lost
# Programs write to DIR/socket. Certificates: DIR/tls/ca.pem, server.pem, server.key, client.pem, client.key.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

server=/usr/sbin/rsyslogd
EX_UNAVAILABLE=69

configure() {
    local way
    case $WAY in
        udp) way='protocol="udp"' ;;
        tcp) way='protocol="tcp" TCP_Framing="octet-counted"' ;;
        lines) way='protocol="tcp" TCP_Framing="traditional"' ;;
        tls) way='protocol="tcp" TCP_Framing="octet-counted" StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid"' ;;
        *) die "no way $WAY" ;;
    esac
    cat >"$DIR/rsyslog.conf" <<CONF
global(workDirectory="$DIR" maxMessageSize="256k" defaultNetstreamDriverCAFile="$DIR/tls/ca.pem"
    defaultNetstreamDriverCertFile="$DIR/tls/client.pem" defaultNetstreamDriverKeyFile="$DIR/tls/client.key")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$DIR/socket" CreatePath="on" RateLimit.Interval="0" UseSpecialParser="on" ParseHostname="off")
action(type="omfwd" target="127.0.0.1" port="$PORT" template="RSYSLOG_SyslogProtocol23Format" $way
    action.resumeRetryCount="-1" action.resumeInterval="1" queue.type="LinkedList" queue.size="1000000" queue.timeoutShutdown="100")
CONF
}

start() {
    [ "$PORT" -gt 0 ] || die "start needs a port"
    [ -x "$server" ] || { echo "rsyslog.sh: $server is missing: run make servers" >&2; exit $EX_UNAVAILABLE; }
    [ -s "$DIR/pid" ] && running "$(cat "$DIR/pid")" && die "already running in $DIR"
    certificates
    configure
    rm -f "$DIR/socket"
    spawn "$server" -n -f "$DIR/rsyslog.conf" -i "$DIR/rsyslogd.pid"
    await_socket
}

await_socket() {
    local deadline=$((SECONDS + 60))
    until [ -S "$DIR/socket" ]; do
        running "$(cat "$DIR/pid")" || { tail -n 20 "$DIR/log" >&2; rm -f "$DIR/pid"; die "it died while starting"; }
        [ "$SECONDS" -lt "$deadline" ] || { end KILL; die "not ready in time"; }
        sleep 0.05
    done
}

verb=${1:-}
[ $# -ge 2 ] || die "usage: rsyslog.sh start DIR PORT WAY | stop DIR | kill DIR"
mkdir -p "$2"
DIR=$(cd "$2" && pwd)
PORT=${3:-0}
WAY=${4:-tcp}
case $verb in
    start) start ;;
    stop) end TERM ;;
    kill) end KILL ;;
    *) die "unknown verb $verb" ;;
esac
