#!/bin/bash
# Usage: run.sh HOME INPUT AS_OF ANSWERS [RATE PACED]. FLINK_HEAP is the JVM's heap.
here="$(cd "$(dirname "$0")" && pwd)"
home=$1
shift
opens=$(for name in java.base/java.lang java.base/java.util java.base/java.time java.base/java.util.concurrent java.base/java.nio \
    java.base/java.net java.base/java.io java.base/java.text java.base/sun.net.util java.base/java.lang.reflect; do echo "--add-opens=$name=ALL-UNNAMED"; done)
exec java $opens "-Xmx${FLINK_HEAP:-4g}" -XX:+UseParallelGC -Dlog4j2.configurationFile="$here/log4j2.properties" \
    -cp "$home/classes:$home/lib/*" Peer "$here" "$1" "$2" "$3" 2 "${@:4}"
