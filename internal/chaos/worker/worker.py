"""The worker of the chaos run in Python; worker.go says what it does."""

import datetime
import json
import os
import signal
import time

from confluent_kafka import Consumer, KafkaException, Producer

NAME, BROKERS, FOLDER, STOP = (os.environ["CHAOS_" + n] for n in ("NAME", "BROKERS", "FOLDER", "STOP"))
THINK = float(os.environ["CHAOS_THINK"].removesuffix("ms")) / 1000
LANGUAGE_HOPS = 100

log = os.open(f"{FOLDER}/{NAME}-{os.getpid()}.jsonl", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)


def effect(headers, hop, did):
    """Writes one line in one system call, so that a kill tears none."""
    at = datetime.datetime.now(datetime.timezone.utc).isoformat()
    os.write(log, (json.dumps({
        "at": at, "worker": NAME, "process": os.getpid(), "correlationId": headers["correlationId"],
        "attempt": int(headers["attempt"]), "type": headers["taskType"], "element": headers["elementId"],
        "key": headers.get("businessKey", ""), "hop": hop, "did": did,
    }) + "\n").encode())


def echo(headers, variables):
    hop = variables["hop"] + 1
    effect(headers, hop, "hop")
    language = "go" if hop % LANGUAGE_HOPS == 0 else variables["language"]
    return {"hop": hop, "language": language, "stop": os.path.exists(STOP)}


def step(headers, variables):
    effect(headers, 0, "step")
    return {headers["elementId"]: headers["correlationId"]}


def gather(headers, variables):
    effect(headers, 0, " ".join(name for name in "abc" if variables.get(name)))
    return {}


TASKS = {"echo-python": echo, "step-python": step, "gather-python": gather}


def reply(producer, command, failures):
    headers = {name: value.decode() for name, value in command.headers()}
    result = TASKS[headers["taskType"]](headers, json.loads(command.value()))
    producer.produce(
        headers["replyTo"], partition=int(headers["replyPartition"]), key=command.key(), value=json.dumps(result),
        headers={"correlationId": headers["correlationId"]}, on_delivery=lambda err, _: err and failures.append(err),
    )


def main():
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    producer = Producer({"bootstrap.servers": BROKERS, "enable.idempotence": True, "linger.ms": 1, "reconnect.backoff.max.ms": 1000})
    consumer = Consumer({
        "bootstrap.servers": BROKERS, "group.id": "chaos-python", "auto.offset.reset": "earliest", "enable.auto.commit": False,
        "partition.assignment.strategy": "cooperative-sticky", "session.timeout.ms": 6000, "heartbeat.interval.ms": 2000,
        "reconnect.backoff.max.ms": 1000,
        "topic.metadata.refresh.interval.ms": 1000,  # topics are created when models are deployed; librdkafka looks every 5 minutes
    })
    consumer.subscribe(["barnabas.task." + t for t in TASKS])
    while running:
        commands, failures = [c for c in consumer.consume(num_messages=200, timeout=0.2) if not c.error()], []
        if not commands:
            continue
        for command in commands:
            reply(producer, command, failures)
        time.sleep(THINK)
        producer.flush()
        if failures:  # not committed: the commands will come again
            raise KafkaException(failures[0])
        try:
            consumer.commit(asynchronous=False)
        except KafkaException as e:  # the partitions are another's by now, who does the same again
            print("commit:", e, flush=True)
    consumer.close()


if __name__ == "__main__":
    main()
