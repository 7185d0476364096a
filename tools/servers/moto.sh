#!/bin/bash
# Kinesis, SQS, SNS and S3 of one machine: moto's server, from the development dependencies, on loopback.
#   moto.sh start DIR PORT PYTHON   every service on PORT; PYTHON has moto[server]
#   moto.sh stop|kill DIR           end it cleanly | SIGKILL; either way what it held is gone: it keeps all of it in memory
# It takes any access key and any secret.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

EX_UNAVAILABLE=69

start() {
    [ "$PORT" -gt 0 ] || die "start needs a port"
    "$PYTHON" -c 'import moto.server' 2>/dev/null || { echo "moto.sh: $PYTHON has no moto[server]: run make setup" >&2; exit $EX_UNAVAILABLE; }
    [ -s "$DIR/pid" ] && running "$(cat "$DIR/pid")" && die "already running in $DIR"
    spawn "$PYTHON" -m moto.server -H 127.0.0.1 -p "$PORT"
    await_port "$PORT"
}

verb=${1:-}
[ $# -ge 2 ] || die "usage: moto.sh start DIR PORT [PYTHON] | stop DIR | kill DIR"
mkdir -p "$2"
DIR=$(cd "$2" && pwd)
PORT=${3:-0}
PYTHON=${4:-python3}
case $verb in
    start) start ;;
    stop) end TERM ;;
    kill) end KILL ;;
    *) die "unknown verb $verb" ;;
esac
