#!/usr/bin/env bash
# Runs a real Apache Kafka on this machine without Docker, from Maven Central.
#
#   kafka.sh up                 start it in the background; does nothing if it runs
#   kafka.sh foreground         run it in this process until a signal ends it; it writes its log to standard output
#   kafka.sh down               stop it; its data stays
#   kafka.sh status             say whether it runs
#   kafka.sh run COMMAND …      start one on a free port, run COMMAND with BARNABAS_TEST_BROKERS set, stop and remove it
#
# KAFKA_PORT             port of the broker (19092); instances with different ports do not meet
# KAFKA_CONTROLLER_PORT  port of the controller (KAFKA_PORT + 1)
# KAFKA_DATA             folder for data, log and pid file (.data/kafka/PORT in the repository)
# KAFKA_HEAP             heap of the Java process (1g)
# KAFKA_LISTENERS        more listeners of the broker, NAME:PORT:ADVERTISED separated by spaces: clients that begin at PORT are told to go
#                        on at port ADVERTISED, where a proxy may stand; names are capital letters and digits
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../../.." && pwd)

die() { echo "kafka.sh: $*" >&2; exit 1; }

use_port() {
  port=$1
  controller_port=${KAFKA_CONTROLLER_PORT:-$((port + 1))}
  data=${KAFKA_DATA:-$repository/.data/kafka/$port}
  pid_file=$data/kafka.pid
  log=$data/kafka.log
}

need_java() {
  command -v java >/dev/null || die "no Java found. Install a JDK, 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)."
  local major
  major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${major:-0}" -ge 17 ] || die "Kafka needs Java 17 or newer, this one is ${major:-unknown}: $(command -v java)"
}

# The classpath is asked of Maven once per version of pom.xml. Instances that start together each write a whole file.
classpath() {
  local sum cached
  sum=$(cksum <"$here/pom.xml" | cut -d ' ' -f 1)
  cached=$repository/.data/kafka/classpath-$sum
  if ! { [ -s "$cached" ] && [ -f "$(cut -d : -f 1 "$cached")" ]; }; then # Maven's repository may have been emptied
    command -v mvn >/dev/null || die "no Maven found. Install it (Debian: apt-get install maven); it fetches Kafka from Maven Central."
    mkdir -p "$repository/.data/kafka"
    echo "kafka.sh: fetching Kafka from Maven Central" >&2
    mvn --batch-mode --quiet -f "$here/pom.xml" dependency:build-classpath -Dmdep.outputFile="$cached.$$" >&2 ||
      die "Maven could not fetch Kafka, see above."
    mv "$cached.$$" "$cached"
  fi
  cat "$cached"
}

# The pid of our process: a number in the file may have gone to another program since.
running() {
  local pid
  pid=$(cat "$pid_file" 2>/dev/null) || return 1
  ps -o command= -p "$pid" 2>/dev/null | grep -qF "$data/server.properties" && echo "$pid"
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

format() {
  mkdir -p "$data"
  sed -e "s|@PORT@|$port|g" -e "s|@CONTROLLER_PORT@|$controller_port|g" -e "s|@LOGS@|$data/logs|g" \
    "$here/server.properties" >"$data/server.properties"
  add_listeners
  [ ! -f "$data/logs/meta.properties" ] || return 0
  local cluster_id # 16 random bytes as Kafka writes them; the first is fixed, as an id must not look like an option
  cluster_id=$({ printf '\004'; head -c 15 /dev/urandom; } | base64 | tr '+/' '-_' | tr -d '=\n')
  java -Xmx256m -cp "$1" kafka.tools.StorageTool format --standalone -t "$cluster_id" -c "$data/server.properties" >"$log" 2>&1 ||
    die "could not format $data/logs: $(tail -n 5 "$log")"
}

add_listeners() {
  local listeners="" advertised="" protocols="" name inner outer
  for listener in ${KAFKA_LISTENERS:-}; do
    IFS=: read -r name inner outer <<<"$listener"
    listeners+=",$name://127.0.0.1:$inner"
    advertised+=",$name://127.0.0.1:$outer"
    protocols+=",$name:PLAINTEXT"
  done
  sed -i.bare -e "s|^listeners=.*|&$listeners|" -e "s|^advertised.listeners=.*|&$advertised|" \
    -e "s|^listener.security.protocol.map=.*|&$protocols|" "$data/server.properties"
  rm "$data/server.properties.bare"
}

# Sets jars to the class path of a broker that can be started.
prepare() {
  need_java
  for p in "$port" "$controller_port"; do
    ! listening "$p" || die "port $p is taken by another program. Choose another: KAFKA_PORT=… $0"
  done
  jars=$(classpath) || exit 1 # run calls us where set -e has no effect
  format "$jars"
}

# Replaced by the script's process, so that who started the script holds the broker's.
foreground() {
  ! running >/dev/null || die "Kafka runs already on port $port: kafka.sh down stops it"
  prepare
  echo $$ >"$pid_file"
  exec java "${java_options[@]}" -cp "$jars" kafka.Kafka "$data/server.properties"
}

java_options=(
  -Xmx"${KAFKA_HEAP:-1g}" -XX:+UseG1GC
  -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info
  -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS
)

up() {
  local pid
  if pid=$(running); then
    echo "Kafka runs already: 127.0.0.1:$port, process $pid"
    return
  fi
  prepare
  set -m # a process group of its own: Ctrl-C here does not reach it
  nohup java "${java_options[@]}" -cp "$jars" kafka.Kafka "$data/server.properties" >"$log" 2>&1 </dev/null &
  echo $! >"$pid_file"
  set +m
  await_start
}

await_start() {
  for _ in $(seq 600); do
    if grep -q "Kafka Server started" "$log"; then
      echo "Kafka runs: 127.0.0.1:$port, process $(cat "$pid_file"), data and kafka.log in $data"
      return
    fi
    running >/dev/null || break
    sleep 0.1
  done
  local end
  end=$(tail -n 20 "$log")
  down
  die "Kafka did not start. The end of $log: $end"
}

down() {
  local pid
  if ! pid=$(running); then
    rm -f "$pid_file"
    echo "Kafka does not run on port $port"
    return
  fi
  kill "$pid"
  for _ in $(seq 300); do
    if ! running >/dev/null; then
      rm -f "$pid_file"
      echo "Kafka on port $port stopped"
      return
    fi
    sleep 0.1
  done
  kill -KILL "$pid"
  rm -f "$pid_file"
  echo "Kafka on port $port did not stop in 30 s and was killed"
}

status() {
  local pid
  pid=$(running) || die "Kafka does not run on port $port"
  echo "Kafka runs: 127.0.0.1:$port, process $pid, data in $data"
}

# run gives a command a broker of its own. The port is taken at random, again if it was taken meanwhile.
run() {
  [ $# -gt 0 ] || die "run needs a command"
  KAFKA_DATA=$(mktemp -d)
  unset KAFKA_CONTROLLER_PORT
  trap 'down >/dev/null; rm -rf "$KAFKA_DATA"' EXIT
  trap 'exit 130' INT TERM
  for _ in 1 2 3; do
    use_port $((20000 + RANDOM % 10000)) # below the ports systems give to outgoing connections
    if (up); then break; fi
  done
  running >/dev/null || die "no broker to run $1 with"
  BARNABAS_TEST_BROKERS=127.0.0.1:$port "$@"
}

use_port "${KAFKA_PORT:-19092}"
case ${1:-} in
up | foreground | down | status) "$1" ;;
run) shift; run "$@" ;;
*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
