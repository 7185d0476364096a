#!/bin/bash
# What the real servers and the compiled bench function need: programs of the machine, and the servers themselves.
# Where something cannot be had, tests that need it are skipped at home; with CI=true that is an error.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# program:package pairs of Debian
needs="java:default-jre-headless javac:default-jdk-headless mvn:maven rabbitmq-server:rabbitmq-server mosquitto:mosquitto rsyslogd:rsyslog logger:bsdutils openssl:openssl curl:curl
    flock:util-linux ip:iproute2 nsenter:util-linux iptables:iptables dockerd:docker.io gcc:gcc node:nodejs go:golang-go git:git ps:procps setsid:util-linux wrk:wrk"

lacking() { echo "servers: $*" >&2; [ "${CI:-}" != true ] || exit 1; }

missing_packages() {
    for need in $needs; do
        [ -n "$(PATH=$PATH:/usr/sbin:/sbin command -v "${need%%:*}")" ] || echo "${need##*:}"
    done
    ls /usr/lib/*/rsyslog/lmnsd_gtls.so >/dev/null 2>&1 || echo rsyslog-gnutls
    [ -d /usr/include/linux ] && [ -e /usr/include/stdio.h ] || echo libc6-dev
}

# A package of a server starts it; tests start their own, as they need them.
policy=/usr/sbin/policy-rc.d
keep_services_down() {
    [ ! -e "$policy" ] || return 0
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
}

install_packages() {
    [ $# -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        lacking "not found on this machine and not root to install it: $*"
        return 0
    fi
    export DEBIAN_FRONTEND=noninteractive
    keep_services_down
    # The lists of a fresh machine may be empty or old: once again after an update.
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null; } ||
        lacking "apt-get could not install $*"
}

install_packages $(missing_packages)
"$here/kafka.sh" provision || lacking "no Kafka: its tests will be skipped"
"$here/mongo.sh" provision || lacking "no stand-in for MongoDB: its tests will be skipped"
"$here/rocketmq.sh" provision || lacking "no RocketMQ: its tests will be skipped"
# This one takes minutes to build, and the tests that need it come last: they wait for it.
setsid nice "$here/kube.sh" provision >/dev/null 2>&1 </dev/null &
