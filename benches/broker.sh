#!/bin/bash
# Apache Kafka for the tests, the benchmarks and who tries the program: brokers in KRaft mode, fetched from Maven Central at the
# first run into the target directory. Needs Java 17 and Maven (Debian: openjdk-17-jre-headless, maven).
#
#   benches/broker.sh                      one broker at localhost:9092, until interrupted
#   benches/broker.sh --brokers 3          three, at localhost:9092, 9094 and 9096
#   benches/broker.sh --ports 19092,19093  ports of its own: one for clients and one for the controller, for each broker
#   benches/broker.sh --fetch              fetches only
#
#   --data DIR     keeps what the brokers write; without it they have a temporary directory that goes when they end
#   --target DIR   where Kafka is kept, or is fetched to, by version
#   --node N       runs the Nth broker of those that --ports names, and no other
#   --with-stdin   ends when standard input does: for a program that must leave nothing behind
#
# Memory and compiler of the brokers' Java: BROKER_JAVA_OPTS.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
version="$(sed -n '/kafka_2.13/{n;s/.*<version>\(.*\)<\/version>.*/\1/p}' "$here/broker/pom.xml")"
target="${CARGO_TARGET_DIR:-$here/../target}"
ports=9092,9093 brokers=1 data='' node='' fetch='' with_stdin=''

fail() {
    echo "benches/broker.sh: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case "$1" in
        --fetch) fetch=1 ;;
        --with-stdin) with_stdin=1 ;;
        --brokers) brokers="$2" ports='' && shift ;;
        --ports) ports="$2" && shift ;;
        --data) data="$2" && shift ;;
        --target) target="$2" && shift ;;
        --node) node="$2" && shift ;;
        *) fail "unknown argument $1; the head of the script tells them" ;;
    esac
    shift
done
home="$target/kafka-$version"

# One download at a time on this machine; what is there is whole.
fetch_kafka() {
    [ -d "$home/lib" ] && return
    command -v mvn >/dev/null || fail "Maven is missing (Debian: maven)"
    mkdir -p "$home"
    (
        flock 9
        [ -d "$home/lib" ] && exit
        rm -rf "$home/fetched"
        mvn --batch-mode --quiet --file "$here/broker/pom.xml" dependency:copy-dependencies \
            -DincludeScope=runtime -DoutputDirectory="$home/fetched" >&2 \
            || fail "cannot fetch Apache Kafka $version; this needs a network or a mirror of Maven Central"
        mv "$home/fetched" "$home/lib"
    ) 9>"${TMPDIR:-/tmp}/permitwatch-kafka-$(id -u).lock"
}

command -v java >/dev/null || fail "Java is missing (Debian: openjdk-17-jre-headless)"
fetch_kafka
if [ -n "$fetch" ]; then
    echo "Apache Kafka $version is in $home/lib"
    exit
fi

if [ -z "$ports" ]; then
    ports="$(seq -s, 9092 $((9091 + 2 * brokers)))"
fi
IFS=, read -r -a port <<<"$ports"
count=$((${#port[@]} / 2))
voters=''
for ((n = 1; n <= count; n++)); do
    voters+="${voters:+,}$n@127.0.0.1:${port[2 * n - 1]}"
done
copies=$((count < 3 ? 1 : 3))

finish() {
    trap - EXIT INT TERM
    # Those that still run: the number of one that has ended may be another process by now.
    for child in $(jobs -p -r); do
        kill "$child" 2>/dev/null || true
    done
    wait || true
    if [ -n "${temporary:-}" ]; then
        rm -rf "$temporary"
    fi
}
trap finish EXIT
trap 'exit 0' INT TERM
if [ -z "$data" ]; then
    temporary="$(mktemp -d)"
    data="$temporary"
fi

java_opts=(-Xms64m -Xmx512m -XX:+UseSerialGC -Xshare:auto -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
    -Dorg.slf4j.simpleLogger.showDateTime=true)
if [ -n "${BROKER_JAVA_OPTS:-}" ]; then
    read -r -a more <<<"$BROKER_JAVA_OPTS"
    java_opts+=("${more[@]}")
fi

start() {
    local n="$1" dir="$data/$1"
    mkdir -p "$dir"
    cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$n
controller.quorum.voters=$voters
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:${port[2 * n - 2]},CONTROLLER://127.0.0.1:${port[2 * n - 1]}
advertised.listeners=PLAINTEXT://127.0.0.1:${port[2 * n - 2]}
log.dirs=$dir/log
# Topics are made on purpose (permitwatch topics create): one that makes itself has the wrong settings.
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=$copies
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=1
min.insync.replicas=$((copies < 3 ? 1 : 2))
# A group of one machine forms at once, and a broker that ends is missed soon.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=6000
controlled.shutdown.enable=false
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=1
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
log.segment.bytes=67108864
log.index.size.max.bytes=1048576
PROPERTIES
    if [ ! -e "$dir/log/meta.properties" ]; then
        java -Xshare:auto -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$home/lib/*" \
            kafka.tools.StorageTool format --cluster-id cGVybWl0d2F0Y2gtMDAwMQ --config "$dir/server.properties" \
            >"$dir/broker.log" 2>&1 || fail "cannot format $dir/log: $(cat "$dir/broker.log")"
    fi
    java "${java_opts[@]}" -cp "$home/lib/*" kafka.Kafka "$dir/server.properties" >>"$dir/broker.log" 2>&1 &
    echo $! >"$dir/pid"
}

for n in $(if [ -n "$node" ]; then echo "$node"; else seq "$count"; fi); do
    start "$n"
    echo "broker $n: localhost:${port[2 * n - 2]}, log in $data/$n/broker.log"
done
if [ -n "$with_stdin" ]; then
    # Ends with whichever comes first: a broker, or the reader's input.
    cat >/dev/null <&0 &
fi
outcome=0
wait -n || outcome=$?
if [ "$outcome" -ne 0 ]; then
    tail -n 20 "$data"/*/broker.log >&2
    fail "a broker has ended"
fi
