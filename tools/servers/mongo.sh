#!/bin/bash
# A stand-in for MongoDB, which no registry of packages has: mongo-java-server from Maven with MongoStandIn.java, in memory, on loopback.
#   mongo.sh provision        fetch the jars and compile into the cache (once for each version)
#   mongo.sh start DIR PORT   nobody has to log in; nothing is kept when it ends
#   mongo.sh stop|kill DIR    end it cleanly | SIGKILL
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pom=$here/mongo.pom.xml
source=$here/MongoStandIn.java
built=$cache/mongo-$(cat "$pom" "$source" | sha256sum | cut -c1-12)
copy=org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies
EX_UNAVAILABLE=69

# The folder appears under its name only when it is complete.
provision() {
    [ -d "$built" ] && return 0
    command -v mvn >/dev/null || die "mvn is missing (apt-get install maven)"
    command -v javac >/dev/null || die "javac is missing (apt-get install default-jdk-headless)"
    mkdir -p "$cache"
    local fresh
    fresh=$(mktemp -d "$cache/mongo.XXXXXX")
    # Maven writes beside the pom it is given, so it gets a copy.
    mkdir "$fresh/made"
    cp "$pom" "$fresh/pom.xml"
    if ! mvn -B -f "$fresh/pom.xml" "$copy" -DoutputDirectory="$fresh/made/libs" -DincludeScope=runtime >"$fresh/log" 2>&1; then
        grep -E 'WARN|ERROR' "$fresh/log" | head -n 5 >&2
        rm -rf "$fresh"
        die "maven could not fetch the jars"
    fi
    javac -d "$fresh/made/classes" -cp "$fresh/made/libs/*" "$source" || { rm -rf "$fresh"; die "MongoStandIn.java does not compile"; }
    mv -T "$fresh/made" "$built" 2>/dev/null || [ -d "$built" ]
    rm -rf "$fresh"
}

start() {
    [ "$PORT" -gt 0 ] || die "start needs a port"
    [ -d "$built" ] || { echo "mongo.sh: nothing in $built: run make servers" >&2; exit $EX_UNAVAILABLE; }
    [ -s "$DIR/pid" ] && running "$(cat "$DIR/pid")" && die "already running in $DIR"
    spawn java -Xmx256m -XX:+UseSerialGC ${MONGO_JAVA--XX:TieredStopAtLevel=1} -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
        -cp "$built/classes:$built/libs/*" MongoStandIn "$PORT"
    await_port "$PORT"
}

verb=${1:-}
if [ "$verb" != provision ]; then
    [ $# -ge 2 ] || die "usage: mongo.sh provision | start DIR PORT | stop DIR | kill DIR"
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
