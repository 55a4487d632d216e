#!/bin/sh
b=${BROKERS:-localhost:9092}
kcat -b "$b" -G "${GROUP:-greet-shell}" -X auto.offset.reset=earliest -q -u -f '%k\t%h\t%s\n' "${TASK_TOPIC:-barnabas.task.greet}" | while IFS="$(printf '\t')" read -r key headers variables; do
  h() { v=${headers#*"$1"=}; echo "${v%%,*}"; }
  echo "{\"greeting\":\"Hello from the shell\",\"given\":$variables}" | kcat -P -b "$b" -t "$(h replyTo)" -p "$(h replyPartition)" -k "$key" -H "correlationId=$(h correlationId)"; done
