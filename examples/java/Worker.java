import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A worker for the task type "greet". */
public class Worker {
    static final ObjectMapper JSON = new ObjectMapper();

    /** An error the model expects: an error boundary event with this code catches it. */
    static class BpmnError extends Exception {
        final String code;

        BpmnError(String code, String message) {
            super(message);
            this.code = code;
        }
    }

    /** Does the task: takes its variables, returns the result variables. */
    static Map<String, Object> greet(Map<String, Object> variables) throws BpmnError {
        if (!(variables.get("name") instanceof String name) || name.isEmpty()) {
            throw new BpmnError("NO_NAME", "there is nobody to greet");
        }
        return Map.of("greeting", "Hello " + name);
    }

    /** Calls greet and gives the result, addressed to where the command wants it. */
    static ProducerRecord<String, String> answer(ConsumerRecord<String, String> command) {
        var result = new ProducerRecord<String, String>(
                header(command, "replyTo"), Integer.valueOf(header(command, "replyPartition")), command.key(), null);
        String value = null;
        put(result, "correlationId", header(command, "correlationId"));
        try {
            value = JSON.writeValueAsString(greet(JSON.readValue(command.value(), new TypeReference<>() {})));
        } catch (BpmnError e) {
            put(result, "status", "bpmn-error");
            put(result, "errorCode", e.code);
            put(result, "errorMessage", e.getMessage());
        } catch (Exception e) { // the attempt failed; the model says how often to try again
            put(result, "status", "failed");
            put(result, "errorMessage", e.toString());
        }
        return new ProducerRecord<>(result.topic(), result.partition(), result.key(), value, result.headers());
    }

    static String header(ConsumerRecord<String, String> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null ? null : new String(header.value());
    }

    static void put(ProducerRecord<String, String> record, String name, String value) {
        record.headers().add(name, value.getBytes());
    }

    static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    public static void main(String[] args) throws Exception {
        String brokers = setting("BROKERS", "localhost:9092");
        var producer = new KafkaProducer<String, String>(
                Map.of("bootstrap.servers", brokers, "linger.ms", "0"), new StringSerializer(), new StringSerializer());
        var consumer = new KafkaConsumer<String, String>(
                Map.of(
                        "bootstrap.servers", brokers,
                        "group.id", setting("GROUP", "greet-java"),
                        "auto.offset.reset", "earliest",
                        "enable.auto.commit", "false", // we commit when the results are in Kafka
                        "partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"),
                new StringDeserializer(), new StringDeserializer());
        var main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try {
                main.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        try (producer; consumer) {
            consumer.subscribe(List.of(setting("TASK_TOPIC", "barnabas.task.greet")));
            while (true) {
                work(consumer, producer);
            }
        } catch (WakeupException e) {
            // the end
        }
    }

    /** Does one batch: answers all, waits until Kafka has the results, commits. */
    static void work(KafkaConsumer<String, String> consumer, KafkaProducer<String, String> producer) throws Exception {
        var commands = consumer.poll(Duration.ofSeconds(1));
        var sent = new ArrayList<Future<RecordMetadata>>();
        for (var command : commands) {
            if (header(command, "correlationId") == null) {
                System.err.printf("skip %s/%d at %d: not a task command%n", command.topic(), command.partition(), command.offset());
                continue;
            }
            sent.add(producer.send(answer(command)));
        }
        for (var result : sent) {
            result.get(); // throws: not committed, the commands will come again
        }
        if (!commands.isEmpty()) {
            consumer.commitSync();
        }
    }
}
