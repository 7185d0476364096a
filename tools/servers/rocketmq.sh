#!/bin/bash
# A real Apache RocketMQ: a name server, and one process with broker and gRPC proxy, from the jars of Maven.
#   rocketmq.sh provision         fetch the jars into the cache (once for each version)
#   rocketmq.sh start DIR PORT    PORT gRPC proxy, plain and TLS; PORT+1 its remoting, PORT+2 name server, PORT+3 figures,
#                                 PORT+6 broker
#   rocketmq.sh stop|kill DIR     end it cleanly | SIGKILL; its data stays in DIR
# Some of its ports bind every interface and cannot be told otherwise. So it runs in a network namespace of its own, which needs root, and is
# reached at the address in DIR/address from this machine only. The namespace goes with its last process.
# The access key is sluice with the secret key sluice-secret; others are refused. Certificates: DIR/tls/ca.pem, client.pem, client.key.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pom=$here/rocketmq.pom.xml
libs=$cache/rocketmq-$(sha256sum "$pom" | cut -c1-12)
copy=org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies
access_key=sluice
secret_key=sluice-secret
EX_UNAVAILABLE=69

# The folder appears under its name only when it is complete.
provision() {
    [ -d "$libs" ] && return 0
    command -v mvn >/dev/null || die "mvn is missing (apt-get install maven)"
    mkdir -p "$cache"
    local fresh
    fresh=$(mktemp -d "$cache/rocketmq.XXXXXX")
    # Maven writes beside the pom it is given, so it gets a copy.
    cp "$pom" "$fresh/pom.xml"
    if ! mvn -B -f "$fresh/pom.xml" "$copy" -DoutputDirectory="$fresh/libs" -DincludeScope=runtime >"$fresh/log" 2>&1; then
        grep -E 'WARN|ERROR' "$fresh/log" | head -n 5 >&2
        rm -rf "$fresh"
        die "maven could not fetch the jars"
    fi
    mv -T "$fresh/libs" "$libs" 2>/dev/null || [ -d "$libs" ]
    rm -rf "$fresh"
}

# Each port has a network of four addresses of its own, of those that are set aside for benches: the second is ours, the third the server's.
addresses() {
    local number=$((PORT / 4 * 4))
    host=198.18.$((number / 256)).$((number % 256 + 1))
    address=198.18.$((number / 256)).$((number % 256 + 2))
    link=slrmq$PORT
}

configure() {
    mkdir -p "$DIR/conf" "$DIR/store"
    echo "$address" >"$DIR/address"
    printf '%s\n' "listenPort=$((PORT + 2))" "bindAddress=$address" >"$DIR/conf/namesrv.conf"
    local credentials="{\"accessKey\":\"$access_key\",\"secretKey\":\"$secret_key\"}"
    local first="{\"username\":\"$access_key\",\"password\":\"$secret_key\"}"
    local provider=org.apache.rocketmq.auth.authentication.provider
    cat >"$DIR/conf/broker.conf" <<CONF
brokerClusterName=DefaultCluster
brokerName=a
brokerId=0
brokerIP1=$address
brokerIP2=$address
bindAddress=$address
listenPort=$((PORT + 6))
namesrvAddr=$address:$((PORT + 2))
registerNameServerPeriod=10000
autoCreateTopicEnable=false
enablePropertyFilter=true
storePathRootDir=$DIR/store
storePathCommitLog=$DIR/store/commitlog
mappedFileSizeCommitLog=67108864
mappedFileSizeConsumeQueue=600000
mappedFileSizeTimerLog=10485760
diskMaxUsedSpaceRatio=99
flushDiskType=ASYNC_FLUSH
waitTimeMillsInSendQueue=10000
sendMessageThreadPoolNums=1
metricsExporterType=PROM
metricsPromExporterHost=$address
metricsPromExporterPort=$((PORT + 3))
authenticationEnabled=true
authenticationProvider=$provider.DefaultAuthenticationProvider
authenticationMetadataProvider=$provider.LocalAuthenticationMetadataProvider
initAuthenticationUser=$first
innerClientAuthenticationCredentials=$credentials
CONF
    # Under one name both know the same keys.
    cat >"$DIR/conf/rmq-proxy.json" <<JSON
{"rocketMQClusterName": "DefaultCluster", "proxyMode": "LOCAL", "grpcServerPort": $PORT, "remotingListenPort": $((PORT + 1)),
 "namesrvAddr": "$address:$((PORT + 2))", "localServeAddr": "$address",
 "tlsTestModeEnable": false, "tlsCertPath": "$DIR/tls/server.pem", "tlsKeyPath": "$DIR/tls/server.key",
 "authenticationEnabled": true, "authenticationProvider": "$provider.DefaultAuthenticationProvider",
 "authenticationMetadataProvider": "$provider.LocalAuthenticationMetadataProvider", "proxyName": "a", "topicRouteServiceCacheRefreshSeconds": 1}
JSON
}

# Small heaps, and only the quick compiler: less CPU at start. A bench gives ROCKETMQ_JAVA="" for the full one.
java_command() {
    command=(java -Xms128m -XX:+UseSerialGC ${ROCKETMQ_JAVA--XX:TieredStopAtLevel=1} "-Duser.home=$DIR" "-Drocketmq.home.dir=$DIR"
        -Drmq.logback.configurationFile=none --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED
        --add-exports=java.base/jdk.internal.ref=ALL-UNNAMED -cp "$libs/*")
}

# join PID: a cable between this machine and the network namespace of that process.
join() {
    until [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
        running "$1" || die "no network namespace"
        sleep 0.01
    done
    # What is left of a server that was killed goes with its namespace, which the kernel removes when it has time.
    ip link del "$link" 2>/dev/null || true
    ip link add "$link" type veth peer name server netns "$1"
    ip address add "$host/30" dev "$link"
    ip link set "$link" up
    nsenter "--net=/proc/$1/ns/net" sh -c "ip link set lo up; ip address add $address/30 dev server; ip link set server up"
}

# await_port PORT: until something accepts there, up to 60 s; at once an error if the server has died.
await_port() {
    local pid deadline
    pid=$(cat "$DIR/pid")
    deadline=$((SECONDS + 60))
    until (exec 3<>"/dev/tcp/$address/$1") 2>/dev/null; do
        running "$pid" || { tail -n 20 "$DIR/log" >&2; finish KILL; die "it died while starting"; }
        [ "$SECONDS" -lt "$deadline" ] || { tail -n 20 "$DIR/log" >&2; finish KILL; die "not ready on port $1 in time"; }
        sleep 0.05
    done
}

start() {
    [ "$PORT" -gt 0 ] || die "start needs a port"
    [ "$(id -u)" = 0 ] || { echo "rocketmq.sh: it needs a network namespace of its own, and that needs root" >&2; exit $EX_UNAVAILABLE; }
    command -v ip >/dev/null || { echo "rocketmq.sh: ip is missing: run make servers" >&2; exit $EX_UNAVAILABLE; }
    [ -d "$libs" ] || { echo "rocketmq.sh: no jars in $libs: run make servers" >&2; exit $EX_UNAVAILABLE; }
    [ -s "$DIR/pid" ] && running "$(cat "$DIR/pid")" && die "already running in $DIR"
    addresses
    certificates "IP:$address"
    configure
    java_command
    set -f # the classpath has a star
    # It waits for the cable, because it binds its address at once.
    spawn unshare --net sh -c 'until ip address show dev server 2>/dev/null | grep -q "inet "; do sleep 0.02; done; exec "$@"' sh \
        "${command[@]}" -Xmx256m org.apache.rocketmq.namesrv.NamesrvStartup -c "$DIR/conf/namesrv.conf"
    join "$(cat "$DIR/pid")"
    await_port $((PORT + 2))
    mv "$DIR/pid" "$DIR/pid.names"
    spawn nsenter "--net=/proc/$(cat "$DIR/pid.names")/ns/net" "${command[@]}" -Xmx768m -XX:MaxDirectMemorySize=512m \
        org.apache.rocketmq.proxy.ProxyStartup -bc "$DIR/conf/broker.conf" -pc "$DIR/conf/rmq-proxy.json" -pm Local -n "$address:$((PORT + 2))"
    await_port $((PORT + 6))
    await_port "$PORT"
}

# Both processes; the broker first.
finish() {
    end "$1"
    [ -s "$DIR/pid.names" ] || return 0
    mv "$DIR/pid.names" "$DIR/pid"
    end KILL
}

verb=${1:-}
if [ "$verb" != provision ]; then
    [ $# -ge 2 ] || die "usage: rocketmq.sh provision | start DIR PORT | stop DIR | kill DIR"
    mkdir -p "$2"
    DIR=$(cd "$2" && pwd)
    PORT=${3:-0}
fi
case $verb in
    provision) provision ;;
    start) start ;;
    stop) finish TERM ;;
    kill) finish KILL ;;
    *) die "unknown verb $verb" ;;
esac
