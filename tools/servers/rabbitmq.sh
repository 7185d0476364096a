#!/bin/bash
# A real RabbitMQ: Debian's, as a private node on loopback that uses nothing under /var or /etc.
#   rabbitmq.sh start DIR PORT   PORT plain, PORT+1 TLS, PORT+2 figures, PORT+3 Erlang distribution, PORT+4 its port mapper
#   rabbitmq.sh stop|kill DIR    end it cleanly | SIGKILL; its data stays in DIR
#   rabbitmq.sh ctl DIR WORD...  what rabbitmqctl does with these words at the node that runs there
# Virtual hosts / and test; the user sluice with the password sluice-secret. Certificates: DIR/tls/ca.pem, client.pem, client.key.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

server=/usr/lib/rabbitmq/bin/rabbitmq-server
ctl=/usr/lib/rabbitmq/bin/rabbitmqctl
user=sluice
password=sluice-secret
EX_UNAVAILABLE=69

# RabbitMQ's own form of a password: a salt of four bytes, then SHA-256 of salt and password.
hashed() { { printf 'salt'; printf 'salt%s' "$password" | openssl dgst -sha256 -binary; } | base64; }

configure() {
    cat >"$DIR/definitions.json" <<JSON
{"vhosts": [{"name": "/"}, {"name": "test"}],
 "users": [{"name": "$user", "password_hash": "$(hashed)", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": "administrator"}],
 "permissions": [{"user": "$user", "vhost": "test", "configure": ".*", "write": ".*", "read": ".*"},
                 {"user": "$user", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}]}
JSON
    cat >"$DIR/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$PORT
listeners.ssl.1 = 127.0.0.1:$((PORT + 1))
ssl_options.cacertfile = $DIR/tls/ca.pem
ssl_options.certfile = $DIR/tls/server.pem
ssl_options.keyfile = $DIR/tls/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = $((PORT + 2))
load_definitions = $DIR/definitions.json
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 1GB
log.console.level = warning
CONF
    echo '[rabbitmq_prometheus].' >"$DIR/plugins"
    echo "$PORT" >"$DIR/port"
}

environment() {
    export HOME=$DIR RABBITMQ_NODENAME=sluice$PORT@localhost RABBITMQ_MNESIA_BASE=$DIR/mnesia RABBITMQ_LOG_BASE=$DIR/logs
    export RABBITMQ_CONFIG_FILE=$DIR/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=$DIR/plugins RABBITMQ_CONF_ENV_FILE=$DIR/none
    # With input allowed the script becomes the Erlang machine instead of watching over one.
    export RABBITMQ_ALLOW_INPUT=true RABBITMQ_SERVER_START_ARGS=-noinput
    export RABBITMQ_DIST_PORT=$((PORT + 3)) ERL_EPMD_PORT=$((PORT + 4)) ERL_EPMD_ADDRESS=127.0.0.1
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
}

start() {
    [ "$PORT" -gt 0 ] || die "start needs a port"
    [ -x "$server" ] || { echo "rabbitmq.sh: $server is missing: run make servers" >&2; exit $EX_UNAVAILABLE; }
    [ -s "$DIR/pid" ] && running "$(cat "$DIR/pid")" && die "already running in $DIR"
    certificates
    configure
    environment
    spawn "$server"
    await_port "$PORT"
    await_port $((PORT + 2))
}

# The port mapper of Erlang outlives the server.
finish() {
    end "$1"
    [ -s "$DIR/port" ] || return 0
    PORT=$(cat "$DIR/port")
    environment
    epmd -kill >/dev/null 2>&1 || true
}

administer() {
    [ -s "$DIR/port" ] || die "nothing was started in $DIR"
    PORT=$(cat "$DIR/port")
    environment
    "$ctl" --quiet "$@"
}

verb=${1:-}
[ $# -ge 2 ] || die "usage: rabbitmq.sh start DIR PORT | stop DIR | kill DIR | ctl DIR WORD..."
mkdir -p "$2"
DIR=$(cd "$2" && pwd)
PORT=${3:-0}
case $verb in
    start) start ;;
    stop) finish TERM ;;
    kill) finish KILL ;;
    ctl) shift 2 && administer "$@" ;;
    *) die "unknown verb $verb" ;;
esac
