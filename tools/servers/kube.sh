#!/bin/bash
# A real Kubernetes API server with its etcd, built from their Go modules. It has no nodes: it keeps objects, and tells what was done to them.
#   kube.sh provision                  build it into the cache (once for each version; minutes of work), and wait for whoever builds it already
#   kube.sh start DIR PORT URL TOKEN   PORT https, PORT+1 and PORT+2 etcd; what is done to config maps is sent to the webhook at URL, which is shown TOKEN
#   kube.sh stop|kill DIR              end it cleanly | SIGKILL; its data stays in DIR
# Whoever shows the certificate DIR/tls/client.pem may do everything. A change is answered when the webhook has answered.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

source=$here/kube
digest=$(cat "$source"/main.go "$source"/go.mod "$source"/go.sum | sha256sum | cut -c1-12)
binary=$cache/kube-$digest
EX_UNAVAILABLE=69

provision() {
    [ -x "$binary" ] && return 0
    command -v go >/dev/null || die "go is missing (apt-get install golang-go, or a newer one)"
    mkdir -p "$cache"
    exec 9>"$binary.lock"
    flock 9
    [ -x "$binary" ] && return 0
    # Go writes beside go.mod, so it gets a copy; the same path each time, for its own cache.
    local work=$cache/kube-source
    rm -rf "$work" && cp -r "$source" "$work"
    if ! (cd "$work" && CGO_ENABLED=0 GOGC=400 go build -trimpath -ldflags "-s -w" -o "$binary.new" .) >"$binary.log" 2>&1 9>&-; then
        tail -n 5 "$binary.log" >&2
        die "go could not build it"
    fi
    mv "$binary.new" "$binary"
    rm -rf "$work"
}

configure() {
    cat >"$DIR/policy.yaml" <<YAML
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Request
    verbs: [create, update, patch, delete]
    resources: [{group: "", resources: [configmaps]}]
    namespaces: [default]
  - level: None
YAML
    cat >"$DIR/webhook.yaml" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: sluice, cluster: {server: "$1", certificate-authority: "$DIR/tls/ca.pem"}}]
users: [{name: sluice, user: {token: "$2"}}]
contexts: [{name: sluice, context: {cluster: sluice, user: sluice}}]
current-context: sluice
YAML
}

start() {
    local base=$DIR port=$1
    [ -x "$binary" ] || provision
    mkdir -p "$base/etcd" "$base/api"
    certificates
    configure "$2" "$3"
    DIR=$base/etcd
    spawn "$binary" etcd --data-dir "$base/etcd/data" --listen-client-urls "http://127.0.0.1:$((port + 1))" \
        --advertise-client-urls "http://127.0.0.1:$((port + 1))" --listen-peer-urls "http://127.0.0.1:$((port + 2))" \
        --initial-advertise-peer-urls "http://127.0.0.1:$((port + 2))" --initial-cluster "default=http://127.0.0.1:$((port + 2))" --log-level warn
    await_port $((port + 1))
    DIR=$base/api
    spawn "$binary" kube-apiserver --bind-address 127.0.0.1 --secure-port "$port" --etcd-servers "http://127.0.0.1:$((port + 1))" \
        --tls-cert-file "$base/tls/server.pem" --tls-private-key-file "$base/tls/server.key" --client-ca-file "$base/tls/ca.pem" \
        --service-account-issuer https://sluice.test --service-account-key-file "$base/tls/server.pem" \
        --service-account-signing-key-file "$base/tls/server.key" --authorization-mode AlwaysAllow --anonymous-auth=false \
        --service-cluster-ip-range 198.19.0.0/24 --endpoint-reconciler-type none --disable-admission-plugins ServiceAccount \
        --audit-policy-file "$base/policy.yaml" --audit-webhook-config-file "$base/webhook.yaml" --audit-webhook-mode blocking \
        --audit-webhook-initial-backoff 1s --enable-priority-and-fairness=false --cert-dir "$base/api"
    await_port "$port"
    DIR=$base
    await_ready "$port"
}

# await_ready PORT: until it serves objects, up to 60 s.
await_ready() {
    local deadline=$((SECONDS + 60))
    until curl -sf --cacert "$DIR/tls/ca.pem" --cert "$DIR/tls/client.pem" --key "$DIR/tls/client.key" "https://127.0.0.1:$1/api/v1/namespaces/default" >/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || { tail -n 20 "$DIR/api/log" >&2; finish KILL; die "not ready in time"; }
        sleep 0.1
    done
}

# finish SIGNAL: first what needs the other.
finish() {
    local base=$DIR part
    for part in api etcd; do
        DIR=$base/$part
        end "$1"
    done
    DIR=$base
}

case ${1:-} in
    provision) provision ;;
    start)
        DIR=$2
        [ -x "$binary" ] || command -v go >/dev/null || { echo "no Kubernetes API server, and no go to build it: run make servers" >&2; exit $EX_UNAVAILABLE; }
        start "$3" "$4" "$5"
        ;;
    stop) DIR=$2 && finish TERM ;;
    kill) DIR=$2 && finish KILL ;;
    *) die "provision | start DIR PORT URL TOKEN | stop DIR | kill DIR" ;;
esac
