# Sourced by the server scripts. A server lives in a directory of its own, with its process id in DIR/pid and its output in DIR/log.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}/servers

die() { echo "$(basename "$0"): $*" >&2; exit 1; }

# spawn COMMAND...: in a session of its own, so that a Ctrl-C at the terminal does not reach it.
# With OWNER set to a process id the server does not outlive that process, however it ends.
spawn() {
    setsid "$@" >>"$DIR/log" 2>&1 </dev/null &
    echo $! >"$DIR/pid"
    [ -n "${OWNER:-}" ] || return 0
    setsid bash -c 'while kill -0 "$0" && kill -0 "$1"; do sleep 1; done; kill -KILL "$1"' "$OWNER" $! >/dev/null 2>&1 </dev/null &
}

# A killed JVM is a zombie that keeps its sockets until its last thread has gone.
running() {
    kill -0 "$1" 2>/dev/null || return 1
    case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
        Z*) [ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -gt 1 ] ;;
        "") return 1 ;;
    esac
}

# end SIGNAL: sends it to the server, waits up to 30 s for its end, then uses SIGKILL.
end() {
    [ -s "$DIR/pid" ] || return 0
    local pid deadline
    pid=$(cat "$DIR/pid")
    deadline=$((SECONDS + 30))
    kill "-$1" "$pid" 2>/dev/null || true
    while running "$pid"; do
        [ "$SECONDS" -lt "$deadline" ] || kill -KILL "$pid" 2>/dev/null || true
        sleep 0.05
    done
    rm -f "$DIR/pid"
}

# await_port PORT: until the server accepts there, up to 60 s; at once an error if it has died.
await_port() {
    local pid deadline
    pid=$(cat "$DIR/pid")
    deadline=$((SECONDS + 60))
    until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
        running "$pid" || { tail -n 20 "$DIR/log" >&2; rm -f "$DIR/pid"; die "it died while starting"; }
        [ "$SECONDS" -lt "$deadline" ] || { tail -n 20 "$DIR/log" >&2; end KILL; die "not ready on port $1 in time"; }
        sleep 0.05
    done
}

# certificates [NAME]: DIR/tls gets a throw-away authority and one certificate each for the server and a client on this machine, and for one
# more name of it (as in IP:10.0.0.1).
certificates() {
    [ -s "$DIR/tls/server-both.pem" ] && return 0
    mkdir -p "$DIR/tls"
    (
        cd "$DIR/tls"
        key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        openssl req -x509 $key -days 30 -subj /CN=sluice-test-authority -keyout ca.key -out ca.pem \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
        printf '%s\n' "subjectAltName=DNS:localhost,IP:127.0.0.1${1:+,$1}" extendedKeyUsage=serverAuth,clientAuth >extensions
        for who in server client; do
            openssl req $key -subj "/CN=$who" -keyout "$who.key" -out "$who.csr"
            openssl x509 -req -in "$who.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions -out "$who.pem"
        done
        cat server.key server.pem >server-both.pem
    ) >"$DIR/tls.log" 2>&1 || { cat "$DIR/tls.log" >&2; die "openssl could not make certificates"; }
}
