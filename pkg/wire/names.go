package wire

import (
	"cmp"
	"fmt"
)

// Names gives the topics their names. The zero value uses the defaults.
type Names struct {
	// Prefix begins the default names; default "barnabas.".
	Prefix string
	// Map replaces names: from what follows the prefix (results, messages,
	// control, status, task.<type>), or from <topic>.dlq, to an existing topic.
	Map map[string]string
}

func (n Names) name(logical string) string {
	if actual, mapped := n.Map[logical]; mapped {
		return actual
	}
	return cmp.Or(n.Prefix, "barnabas.") + logical
}

// Results is the topic of results; its partitions are the homes.
func (n Names) Results() string { return n.name("results") }

// Messages is the topic of messages.
func (n Names) Messages() string { return n.name("messages") }

// Control is the topic between engines.
func (n Names) Control() string { return n.name("control") }

// Status is the topic of what happened to instances.
func (n Names) Status() string { return n.name("status") }

// Task is the topic of the commands of a task type. The error says that no
// topic can have that name: it has to be mapped.
func (n Names) Task(taskType string) (string, error) {
	topic := n.name("task." + taskType)
	if taskType == "" {
		return "", fmt.Errorf("task type is empty")
	}
	if err := CheckTopic(topic); err != nil {
		return "", fmt.Errorf("task type %q: %w; map task.%s to a topic", taskType, err, taskType)
	}
	return topic, nil
}

// DeadLetter is the topic for records of topic that can't be processed.
func (n Names) DeadLetter(topic string) string {
	if actual, mapped := n.Map[topic+".dlq"]; mapped {
		return actual
	}
	return topic + ".dlq"
}

// CheckTopic says what keeps name from being a Kafka topic: 1 to 249 of the
// characters a-z A-Z 0-9 . _ -, and neither . nor .. alone.
func CheckTopic(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 249 {
		return fmt.Errorf("topic %q: a name has 1 to 249 characters and is neither %q nor %q", name, ".", "..")
	}
	for _, c := range name {
		if c != '.' && c != '_' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return fmt.Errorf("topic %q: %q is not allowed, only a-z A-Z 0-9 . _ -", name, c)
		}
	}
	return nil
}
