#!/bin/bash
# A real Apache Kafka: one KRaft node on loopback, from the jars of Maven.
#   kafka.sh provision        fetch the jars into the cache (once for each version)
#   kafka.sh start DIR PORT   PORT plain, PORT+1 controller, PORT+2 SASL_SSL (PLAIN, SCRAM-SHA-512), PORT+3 mutual TLS
#   kafka.sh stop|kill DIR    end it cleanly | SIGKILL; its data stays in DIR
# The user on PORT+2 is sluice with the password sluice-secret. Certificates: DIR/tls/ca.pem, client.pem, client.key.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pom=$here/kafka.pom.xml
libs=$cache/kafka-$(sha256sum "$pom" | cut -c1-12)
copy=org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies
user=sluice
password=sluice-secret
EX_UNAVAILABLE=69

# The folder appears under its name only when it is complete.
provision() {
    [ -d "$libs" ] && return 0
    command -v mvn >/dev/null || die "mvn is missing (apt-get install maven)"
    mkdir -p "$cache"
    local fresh
    fresh=$(mktemp -d "$cache/kafka.XXXXXX")
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

configure() {
    cat >"$DIR/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((PORT + 1))
controller.listener.names=CONTROLLER
listeners=PLAIN://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$((PORT + 1)),SECURE://127.0.0.1:$((PORT + 2)),MTLS://127.0.0.1:$((PORT + 3))
advertised.listeners=PLAIN://127.0.0.1:$PORT,SECURE://localhost:$((PORT + 2)),MTLS://localhost:$((PORT + 3))
listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL,MTLS:SSL
inter.broker.listener.name=PLAIN
log.dirs=$DIR/data
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=8388608
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
message.max.bytes=16777216
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# After SIGKILL the session of the dead broker has to lapse before the new one may register.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400
ssl.keystore.type=PEM
ssl.keystore.location=$DIR/tls/server-both.pem
ssl.truststore.type=PEM
ssl.truststore.location=$DIR/tls/ca.pem
listener.name.mtls.ssl.client.auth=required
listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_$user="$password";
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
PROPERTIES
    cat >"$DIR/log4j2.yaml" <<LOGGING
Configuration:
  Appenders: {Console: {name: out, PatternLayout: {pattern: "%d{HH:mm:ss,SSS} %p %c{1}: %m%n"}}}
  Loggers: {Root: {level: WARN, AppenderRef: {ref: out}}}
LOGGING
}

# A small heap, and only the quick compiler: half the CPU at start. A bench gives KAFKA_JAVA="" for the full one.
java_command() {
    command=(java -Xms256m -Xmx512m -XX:+UseSerialGC ${KAFKA_JAVA--XX:TieredStopAtLevel=1}
        "-Dlog4j2.configurationFile=$DIR/log4j2.yaml" -cp "$libs/*")
}

format() {
    [ -s "$DIR/data/meta.properties" ] && return 0
    mkdir -p "$DIR/data"
    "${command[@]}" kafka.tools.StorageTool format -t 5sluiceKafkaTestNode01 -c "$DIR/server.properties" \
        --add-scram "SCRAM-SHA-512=[name=$user,password=$password]" >"$DIR/format.log" 2>&1 || { cat "$DIR/format.log" >&2; die "no storage"; }
}

start() {
    [ "$PORT" -gt 0 ] || die "start needs a port"
    [ -d "$libs" ] || { echo "kafka.sh: no jars in $libs: run make servers" >&2; exit $EX_UNAVAILABLE; }
    [ -s "$DIR/pid" ] && running "$(cat "$DIR/pid")" && die "already running in $DIR"
    certificates
    configure
    java_command
    format
    spawn "${command[@]}" kafka.Kafka "$DIR/server.properties"
    await_port "$PORT"
}

verb=${1:-}
if [ "$verb" != provision ]; then
    [ $# -ge 2 ] || die "usage: kafka.sh provision | start DIR PORT | stop DIR | kill DIR"
    mkdir -p "$2"
    DIR=$(cd "$2" && pwd)
    PORT=${3:-0}
fi
case $verb in
    provision) provision ;;
    start) start ;;
    stop) end TERM ;;
    kill) end KILL ;;
    *) die "unknown verb $verb" ;;
esac
