package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/barnabas-project/barnabas/pkg/api"
)

func readAll(r io.Reader) ([]byte, error) { return io.ReadAll(r) }

type instancesCommand struct {
	List    instancesList    `cmd:"" help:"List running instances."`
	Show    instancesShow    `cmd:"" help:"Show a running instance."`
	History instancesHistory `cmd:"" help:"Show what happened to an instance, running or ended."`
	Cancel  instancesCancel  `cmd:"" help:"End running instances."`
}

// filter is what lists can be narrowed by.
type filter struct {
	Process     string `help:"Only of this process." placeholder:"ID"`
	BusinessKey string `help:"Only with this business key." placeholder:"KEY"`
	Limit       int    `help:"At most so many." default:"100"`
}

func (f *filter) query() url.Values {
	q := url.Values{"limit": {strconv.Itoa(min(f.Limit, 1000))}}
	if f.Process != "" {
		q.Set("processId", f.Process)
	}
	if f.BusinessKey != "" {
		q.Set("businessKey", f.BusinessKey)
	}
	return q
}

type instancesList struct {
	filter
	Incident bool `help:"Only those with incidents."`
}

func (c *instancesList) Run(ctx context.Context, g *globals) error {
	q := c.query()
	if c.Incident {
		q.Set("incident", "true")
	}
	var page struct {
		Instances []api.InstanceSummary `json:"instances"`
		Next      string                `json:"next,omitempty"`
	}
	if err := g.client().call(ctx, "GET", "/v1/instances?"+q.Encode(), nil, &page); err != nil {
		return err
	}
	return g.print(page, func() {
		rows := [][]string{{"INSTANCE", "PROCESS", "VERSION", "BUSINESS KEY", "HOME", "STEPS", "INCIDENTS"}}
		for _, i := range page.Instances {
			rows = append(rows, []string{i.ID, i.ProcessID, fmt.Sprint(i.Version), i.BusinessKey, fmt.Sprint(i.Home), fmt.Sprint(i.Sequence), fmt.Sprint(i.Incidents)})
		}
		table(rows)
		if page.Next != "" {
			fmt.Printf("there are more: raise --limit (to 1000), or narrow with --process or --business-key\n")
		}
	})
}

type instancesShow struct {
	ID string `arg:"" help:"Instance id."`
}

func (c *instancesShow) Run(ctx context.Context, g *globals) error {
	var i api.Instance
	if err := g.client().call(ctx, "GET", "/v1/instances/"+url.PathEscape(c.ID), nil, &i); err != nil {
		return err
	}
	return g.print(i, func() { printInstance(&i) })
}

func printInstance(i *api.Instance) {
	rows := [][]string{
		{"instance", i.ID}, {"process", fmt.Sprintf("%s version %d", i.ProcessID, i.Version)},
		{"business key", i.BusinessKey}, {"started", i.StartedAt.Local().Format(time.DateTime)},
		{"home", fmt.Sprint(i.Home)}, {"steps", fmt.Sprint(i.Sequence)},
	}
	if i.NextDue != nil {
		rows = append(rows, []string{"next timer", i.NextDue.Local().Format(time.DateTime)})
	}
	if i.Parked {
		rows = append(rows, []string{"parked", "stopped by a defect of the engine; its inputs are kept"})
	}
	for _, e := range i.At {
		rows = append(rows, []string{"at", fmt.Sprintf("%s %s (key %d)", e.Element, e.Name, e.Key)})
	}
	for _, n := range i.Incidents {
		rows = append(rows, []string{"incident", fmt.Sprintf("%s (key %d): %s: %s", n.Element, n.Key, n.Kind, n.Message)})
	}
	table(append(rows, []string{"variables", string(i.Variables)}))
}

type instancesHistory struct {
	ID string `arg:"" help:"Instance id."`
}

func (c *instancesHistory) Run(ctx context.Context, g *globals) error {
	var h api.History
	if err := g.client().call(ctx, "GET", "/v1/instances/"+url.PathEscape(c.ID)+"/history", nil, &h); err != nil {
		return err
	}
	return g.print(h, func() {
		fmt.Printf("%s of %s version %d, business key %q: %s\n", h.ID, h.ProcessID, h.Version, h.BusinessKey, h.State)
		rows := [][]string{{"STEP", "AT", "EVENTS"}}
		for _, s := range h.Steps {
			rows = append(rows, []string{fmt.Sprint(s.Sequence), s.At.Local().Format("2006-01-02 15:04:05.000"), eventNames(s.Events)})
		}
		table(rows)
	})
}

// eventNames says events as "type element, …".
func eventNames(events json.RawMessage) string {
	var list []struct{ Type, Element string }
	if json.Unmarshal(events, &list) != nil {
		return string(events)
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = strings.TrimSpace(e.Type + " " + e.Element)
	}
	return strings.Join(names, ", ")
}

type instancesCancel struct {
	IDs    []string `arg:"" name:"id" help:"Instance ids."`
	Reason string   `help:"Why; goes into the history." placeholder:"TEXT"`
}

func (c *instancesCancel) Run(ctx context.Context, g *globals) error {
	answers := []api.Answer{}
	for _, id := range c.IDs {
		var a api.Answer
		if err := g.client().call(ctx, "POST", "/v1/instances/"+url.PathEscape(id)+"/cancel", map[string]string{"reason": c.Reason}, &a); err != nil {
			return fmt.Errorf("cancel %s: %w", id, err)
		}
		answers = append(answers, a)
	}
	return g.print(answers, func() {
		for i, a := range answers {
			fmt.Println(c.IDs[i], cancelled(a))
		}
	})
}

func cancelled(a api.Answer) string {
	if a.Disposition == "forwarded" {
		return "will be cancelled by the engine that owns it"
	}
	return "cancelled"
}
