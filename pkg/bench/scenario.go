package bench

import (
	"embed"
	"fmt"
	"maps"
	"slices"
)

//go:embed models/*.bpmn
var models embed.FS

// Scenario is a model and how it is driven.
type Scenario struct {
	Name     string
	Resource string // file name of the model
	Message  string // that starts an instance
	TaskType string // of all tasks
	Tasks    int    // of an instance, one after the other

	rate, window int // defaults
}

// taskType is the task type of all models.
const taskType = "bench-work"

var scenarios = map[string]Scenario{
	"one-task":  {Name: "one-task", Resource: "one-task.bpmn", Message: "bench-one-task", TaskType: taskType, Tasks: 1, window: 40_000},
	"ten-tasks": {Name: "ten-tasks", Resource: "ten-tasks.bpmn", Message: "bench-ten-tasks", TaskType: taskType, Tasks: 10, window: 10_000},
	"latency":   {Name: "latency", Resource: "one-task.bpmn", Message: "bench-one-task", TaskType: taskType, Tasks: 1, rate: 100, window: 40_000},
}

// ScenarioNames are the scenarios, sorted.
func ScenarioNames() []string { return slices.Sorted(maps.Keys(scenarios)) }

// model is the scenario's BPMN.
func (s Scenario) model() ([]byte, error) {
	xml, err := models.ReadFile("models/" + s.Resource)
	if err != nil {
		return nil, fmt.Errorf("model of scenario %s: %w", s.Name, err)
	}
	return xml, nil
}
