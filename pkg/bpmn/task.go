package bpmn

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// defaultAttempts is how often a task is tried if the model does not say.
const defaultAttempts = 3

// maxAttempts bounds what a model may ask for.
const maxAttempts = 1_000_000

// missingTaskType is the advice for a service task without task type.
var missingTaskType = map[Dialect]string{
	Camunda: `the service task has no task type: set its implementation to "External" and give it a topic`,
	Zeebe:   "the service task has no task type: give it a task definition with a type",
}

func (c *compiler) serviceTask(n *Node, e *etree.Element) {
	task, ok := c.task(e, e)
	n.Task = task
	switch {
	case task != nil || !ok:
	case c.dialect == Plain:
		c.warn(e, CodeAssumption, "the service task has no task type, its id is taken: set the attribute implementation, or use a camunda: or zeebe: task type")
		n.Task = c.newTask(e, n.ID)
	default:
		c.problem(e, CodeMissing, "%s", missingTaskType[c.dialect])
	}
}

// sendTask is a task of a worker if it has a task type; else it publishes the
// BPMN message it refers to.
func (c *compiler) sendTask(n *Node, e *etree.Element) {
	task, ok := c.task(e, e)
	n.Task = task
	if task == nil && ok {
		n.Message = c.published(e, e)
	}
}

// scriptTask with a task type is a service task: a worker runs the script.
func (c *compiler) scriptTask(n *Node, e *etree.Element) {
	if c.dialect != Zeebe {
		n.Script = c.inlineScript(e)
		return
	}
	if task, ok := c.task(e, e); task != nil || !ok {
		n.Kind, n.Task = ServiceTask, task
		return
	}
	script := c.extension(e, "zeebe:script")
	if script == nil {
		c.problem(e, CodeMissing, "the script task has neither a FEEL expression nor a task type: give it one of them")
		return
	}
	n.Script = &Script{ResultVariable: attr(script, "resultVariable")}
	text := attr(script, "expression")
	if isStatic(text, Zeebe) {
		c.problem(script, CodeExpression, `the script %q is not a FEEL expression: write "=" in front of it`, shorten(text))
		return
	}
	n.Script.Expression = c.expression(script, text)
}

// inlineScript reads BPMN's own <script>.
func (c *compiler) inlineScript(e *etree.Element) *Script {
	script := &Script{ResultVariable: attr(e, "camunda:resultVariable")}
	body := e.SelectElement("bpmn:script")
	switch {
	case attr(e, "camunda:resource") != "":
		c.problem(e, CodeUnsupported, "the script is in the resource %q: write it into the model", attr(e, "camunda:resource"))
	case body == nil || content(body) == "":
		c.problem(e, CodeMissing, `the script task has no script: write one in "javascript" or "feel", or use a service task`)
	case attr(e, "scriptFormat") == "":
		c.problem(e, CodeMissing, `the script task does not say its language: set scriptFormat to "javascript" or "feel"`)
	default:
		script.Expression = c.scriptIn(body, attr(e, "scriptFormat"), content(body))
	}
	return script
}

// task reads the task type of an activity or event e; holder is the element
// that has Camunda's attributes. No task is no problem, unless ok is false.
func (c *compiler) task(e, holder *etree.Element) (task *Task, ok bool) {
	switch c.dialect {
	case Zeebe:
		definition := c.extension(e, "zeebe:taskDefinition")
		if definition == nil {
			return nil, true
		}
		if attr(definition, "type") == "" {
			c.problem(definition, CodeMissing, "the task definition has no type: name the task type that workers serve")
			return nil, false
		}
		task = c.newTask(e, attr(definition, "type"))
		c.zeebeRetries(task, definition)
	case Camunda:
		topic, ok := c.camundaTopic(holder)
		if topic == "" {
			return nil, ok
		}
		task = c.newTask(e, topic)
		c.camundaRetries(task, e)
	default:
		implementation := attr(e, "implementation")
		if implementation == "" || strings.HasPrefix(implementation, "##") {
			return nil, true
		}
		task = c.newTask(e, implementation)
	}
	return task, true
}

// camundaTopic is the topic of an external task, empty without one.
func (c *compiler) camundaTopic(holder *etree.Element) (topic string, ok bool) {
	topic = attr(holder, "camunda:topic")
	switch kind := attr(holder, "camunda:type"); {
	case codeAttribute(holder) != "" || c.extension(holder, "camunda:connector") != nil:
		return "", false // reported with the extensions
	case kind == "" && topic == "":
		return "", true
	case kind != "external":
		c.problem(holder, CodeUnsupported, `camunda:type=%q is not supported: set the implementation to "External" with a topic`, kind)
		return "", false
	case topic == "":
		c.problem(holder, CodeMissing, "the external task has no topic: give it one, it is the task type that workers serve")
		return "", false
	}
	return topic, true
}

// newTask has what every dialect says alike.
func (c *compiler) newTask(e *etree.Element, taskType string) *Task {
	properties := c.properties(e)
	task := &Task{Type: c.expression(e, taskType), StaticType: c.staticText(taskType), Retries: defaultAttempts}
	if text, ok := properties[propertyDeadline]; ok {
		task.Deadline = c.duration(e, propertyDeadline, text)
		if task.Deadline == 0 {
			c.problem(e, CodeValue, "the property %s is %q: use a duration above zero, as PT5M", propertyDeadline, shorten(text))
		}
	}
	task.Headers = c.headers(e, properties)
	return task
}

// duration reads a property that is a duration of fixed length.
func (c *compiler) duration(e *etree.Element, property, text string) time.Duration {
	d, err := fixedDuration(text)
	if err != nil {
		c.problem(e, CodeValue, "the property %s: %s", property, err)
		return -1
	}
	return d
}

// headers are Zeebe's task headers or, in the camunda dialect, the properties
// of the element.
func (c *compiler) headers(e *etree.Element, properties map[string]string) []Header {
	constants := map[string]string{}
	switch c.dialect {
	case Camunda:
		for name, value := range properties {
			if !knownProperties[name] {
				constants[name] = value
			}
		}
	case Zeebe:
		if holder := c.extension(e, "zeebe:taskHeaders"); holder != nil {
			for header := range holder.SelectElementsSeq("zeebe:header") {
				constants[attr(header, "key")] = attr(header, "value")
			}
		}
	}
	headers := make([]Header, 0, len(constants))
	for key, value := range constants {
		headers = append(headers, Header{Key: key, Value: value})
	}
	slices.SortFunc(headers, func(a, b Header) int { return cmp.Compare(a.Key, b.Key) })
	return headers
}

func (c *compiler) zeebeRetries(task *Task, definition *etree.Element) {
	text, ok := attribute(definition, "retries")
	if !ok || text == "" {
		return
	}
	if !isStatic(text, Zeebe) {
		task.RetriesExpr = c.expression(definition, text)
		return
	}
	attempts, err := attempts(text)
	if err != nil {
		c.problem(definition, CodeValue, "retries: %s", err)
		return
	}
	task.Retries = attempts
}

// camundaRetries reads failedJobRetryTimeCycle: R3/PT10M are three attempts ten
// minutes apart, PT1M,PT5M are a first attempt and one after each delay.
func (c *compiler) camundaRetries(task *Task, e *etree.Element) {
	cycle := c.extension(e, "camunda:failedJobRetryTimeCycle")
	if cycle == nil || content(cycle) == "" {
		return
	}
	text := content(cycle)
	if !isStatic(text, Camunda) {
		c.problem(cycle, CodeUnsupported, "the retry time cycle %q is computed, which is not supported: write it as R3/PT10M or PT1M,PT5M", shorten(text))
		return
	}
	attempts, delays, err := retrySchedule(text)
	if err != nil {
		c.problem(cycle, CodeValue, "retry time cycle: %s", err)
		return
	}
	task.Retries, task.Backoff = attempts, delays
}

func retrySchedule(text string) (int, []time.Duration, error) {
	if count, interval, ok := strings.Cut(text, "/"); ok && strings.HasPrefix(count, "R") {
		n, err := attempts(count[1:])
		if err != nil {
			return 0, nil, err
		}
		delay, err := fixedDuration(interval)
		return n, []time.Duration{delay}, err
	}
	var delays []time.Duration
	for part := range strings.SplitSeq(text, ",") {
		delay, err := fixedDuration(strings.TrimSpace(part))
		if err != nil {
			return 0, nil, err
		}
		delays = append(delays, delay)
	}
	return len(delays) + 1, delays, nil
}

// attempts reads how often a task is tried.
func attempts(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxAttempts {
		return 0, fmt.Errorf("%q is not a number of attempts: write a whole number from 1 to %d", shorten(text), maxAttempts)
	}
	return n, nil
}
