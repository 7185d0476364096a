#!/bin/bash
# A real Docker daemon, with a containerd of its own: a private socket and data, bridges of its own addresses, no packet rules.
#   docker.sh start DIR NET [apart]
#                                  DIR/docker.sock; networks are parts of NET.0/24, as in 10.231.7; there is no default one. Apart, it has a
#                                  network namespace of its own too, and keeps packet rules in it
#   docker.sh inside DIR COMMAND...
#                                  in its namespaces
#   docker.sh image DIR NAME [FOLDER COMMAND]
#                                  an image of the machine's Python and a shell, made of files of the machine; with a folder, its content lies
#                                  at /opt/function/code and COMMAND is started there
#   docker.sh kill-daemon DIR      SIGKILL the daemon alone; what it had started runs on, and `start` brings it back
#   docker.sh stop|kill DIR        end it cleanly | SIGKILL; whatever it had started ends with it. Its data stays in DIR
# It lives in process and mount namespaces of its own, so that neither containers nor mounts outlive it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
EX_UNAVAILABLE=69
python=/usr/bin/python3
rules=false
needs="dockerd containerd docker-proxy docker-init unshare nsenter ip curl $python"

require() {
    local need
    for need in $needs; do
        command -v "$need" >/dev/null || { echo "docker.sh: $need is missing: run make servers" >&2; exit $EX_UNAVAILABLE; }
    done
    [ "$(id -u)" = 0 ] || { echo "docker.sh: only root runs a Docker daemon" >&2; exit $EX_UNAVAILABLE; }
}

# inside COMMAND...: in the namespaces of the server.
inside() { nsenter --target "$(pgrep -P "$(cat "$DIR/pid")")" --pid --mount --net --wd="$PWD" -- "$@"; }

# The name of its containers' control groups.
cgroups() { echo "sluice-docker-$(tr . - <"$DIR/net")"; }

api() { curl -sS --fail --max-time 60 --unix-socket "$DIR/docker.sock" "$@"; }

start() {
    require
    [ -s "$DIR/pid" ] && running "$(cat "$DIR/pid")" || {
        spawn unshare ${2:+--net} --pid --mount-proc --fork --kill-child=KILL docker-init -s -- sleep infinity
        echo "$1" >"$DIR/net"
        echo "${2:-}" >"$DIR/apart"
        tidy_after_owner
    }
    until pgrep -P "$(cat "$DIR/pid")" >/dev/null; do sleep 0.02; done
    rm -f "$DIR/docker.pid" "$DIR/docker.sock"
    [ -z "$(cat "$DIR/apart")" ] || { inside ip link set lo up; rules=true; }
    inside setsid --fork dockerd --data-root "$DIR/data" --exec-root "$DIR/exec" --host "unix://$DIR/docker.sock" --pidfile "$DIR/docker.pid" \
        --iptables="$rules" --ip-forward="$rules" --ip-masq="$rules" --bridge none --default-address-pool "base=$1.0/24,size=28" \
        --cgroup-parent "/$(cgroups)" --shutdown-timeout 5 >>"$DIR/log" 2>&1 </dev/null
    await_answer
}

await_answer() {
    local deadline=$((SECONDS + 60))
    until api http://docker/_ping >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || { tail -n 20 "$DIR/log" >&2; finish KILL; die "it did not answer in time"; }
        sleep 0.05
    done
}

# signal NAME: to the daemon; returns when it is gone.
signal() { inside bash -c 'kill "-$1" "$2"; while kill -0 "$2"; do sleep 0.02; done' - "$1" "$(cat "$DIR/docker.pid")" 2>/dev/null || true; }

# finish SIGNAL: first the daemon, then whatever is left of it.
finish() {
    [ -s "$DIR/pid" ] || return 0
    signal "$1"
    end KILL
    remove_leftovers
}

# What its processes leave behind: bridges with addresses of ours, and control groups, which are busy until the last process has gone.
remove_leftovers() {
    local device deadline=$((SECONDS + 5))
    for device in $(ip -o -4 address | awk -v net="$(cat "$DIR/net")." 'index($4, net) == 1 { print $2 }'); do
        ip link delete "$device" 2>/dev/null || true
    done
    until find /sys/fs/cgroup -depth -type d -path "*/$(cgroups)*" -exec rmdir {} + 2>/dev/null || [ "$SECONDS" -ge "$deadline" ]; do sleep 0.05; done
}

# The guard of `spawn` ends the processes, and nothing else.
tidy_after_owner() {
    [ -n "${OWNER:-}" ] || return 0
    setsid bash -c 'while kill -0 "$1" && kill -0 "$2"; do sleep 1; done; kill -0 "$1" || exec "$0" kill "$3"' "$here/docker.sh" "$OWNER" "$(cat "$DIR/pid")" "$DIR" \
        >/dev/null 2>&1 </dev/null &
}

# libraries FILE...: what the programs and modules among them are linked with.
libraries() { ldd "$@" 2>/dev/null | grep -o '/[^ :]*\.so[^ :]*' | sort -u; }

image() {
    local modules
    local query="fromSrc=-&repo=$1&tag=latest"
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    modules=$("$python" -c 'import os; print(os.path.dirname(os.__file__))')
    tar -C / -ch --exclude=__pycache__ --exclude='*.a' --exclude=test --exclude=idlelib --exclude=ensurepip --exclude=lib2to3 --exclude=dist-packages \
        "${python#/}" usr/bin/env bin/sh bin/sleep "${modules#/}" $(libraries "$python" /bin/sh /usr/bin/env "$modules"/lib-dynload/*.so | sed 's|^/||') 2>/dev/null | tar -C "$root" -x
    mkdir -p "$root/tmp" "$root/proc" "$root/dev" "$root/sys" "$root/opt/function/code"
    if [ -n "${2:-}" ]; then
        cp -r "$2/." "$root/opt/function/code"
        query="$query&changes=WORKDIR%20/opt/function/code&changes=CMD%20$3"
    fi
    tar -C "$root" -c . | api -X POST -H 'Content-Type: application/x-tar' -T - "http://docker/images/create?$query" >/dev/null
}

verb=${1:-}
[ $# -ge 2 ] || die "usage: docker.sh start DIR NET [apart] | inside DIR COMMAND... | image DIR NAME [FOLDER COMMAND] | kill-daemon DIR | stop DIR | kill DIR"
mkdir -p "$2"
DIR=$(cd "$2" && pwd)
case $verb in
    start) start "${@:3}" ;;
    inside) inside "${@:3}" ;;
    image) image "${@:3}" ;;
    kill-daemon) signal KILL ;;
    stop) finish TERM ;;
    kill) finish KILL ;;
    *) die "unknown verb $verb" ;;
esac
