"""A worker for the task type "greet"."""

import json
import os
import signal

from confluent_kafka import Consumer, KafkaException, Producer

BROKERS = os.environ.get("BROKERS", "localhost:9092")
TASK_TOPIC = os.environ.get("TASK_TOPIC", "barnabas.task.greet")
GROUP = os.environ.get("GROUP", "greet-python")


class BPMNError(Exception):
    """An error the model expects: an error boundary event with this code catches it."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def greet(variables):
    """Does the task: takes its variables, returns the result variables."""
    name = variables.get("name")
    if not name:
        raise BPMNError("NO_NAME", "there is nobody to greet")
    return {"greeting": f"Hello {name}"}


def answer(command):
    """Calls greet and gives the result's value and headers."""
    try:
        return json.dumps(greet(json.loads(command.value()))), {}
    except BPMNError as e:
        return None, {"status": "bpmn-error", "errorCode": e.code, "errorMessage": str(e)}
    except Exception as e:  # the attempt failed; the model says how often to try again
        return None, {"status": "failed", "errorMessage": f"{type(e).__name__}: {e}"}


def reply(producer, command, failures):
    """Produces the result where the command wants it."""
    headers = {name: value.decode() for name, value in command.headers() or []}
    if "correlationId" not in headers:
        print(f"skip {command.topic()}/{command.partition()} at {command.offset()}: not a task command")
        return
    value, more = answer(command)
    producer.produce(
        headers["replyTo"],
        partition=int(headers["replyPartition"]),
        key=command.key(),
        value=value,
        headers={"correlationId": headers["correlationId"], **more},
        on_delivery=lambda err, _: err and failures.append(err),
    )


def main():
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    producer = Producer({"bootstrap.servers": BROKERS, "enable.idempotence": True, "linger.ms": 1})
    consumer = Consumer({
        "bootstrap.servers": BROKERS,
        "group.id": GROUP,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,  # we commit when the results are in Kafka
        "partition.assignment.strategy": "cooperative-sticky",
        "topic.metadata.refresh.interval.ms": 5000,  # a topic that is created after this has started is found soon, not in 5 minutes
    })
    consumer.subscribe([TASK_TOPIC])
    while running:
        commands, failures = consumer.consume(num_messages=100, timeout=0.5), []
        for command in commands:
            if command.error():
                print(f"consume {TASK_TOPIC}: {command.error()}")
                continue
            reply(producer, command, failures)
        producer.flush()
        if failures:  # not committed: the commands will come again
            raise KafkaException(failures[0])
        if any(not c.error() for c in commands):
            consumer.commit(asynchronous=False)
    consumer.close()


if __name__ == "__main__":
    main()
