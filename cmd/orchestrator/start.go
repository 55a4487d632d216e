package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/barnabas-project/barnabas/pkg/api"
)

// variables is a flag with a JSON object: the text itself, @file, or - for
// standard input.
type variables string

func (v variables) read() (json.RawMessage, error) {
	text := []byte(v)
	var err error
	switch {
	case v == "":
		return nil, nil
	case v == "-":
		text, err = readAll(os.Stdin)
	case strings.HasPrefix(string(v), "@"):
		text, err = os.ReadFile(string(v[1:]))
	}
	if err != nil {
		return nil, &usageError{fmt.Sprintf("--variables: %v; give a JSON object, @file with one, or - for standard input", err)}
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, &usageError{fmt.Sprintf("--variables: want a JSON object such as '{\"amount\":42}': %v", err)}
	}
	return text, nil
}

type startCommand struct {
	Process     string    `arg:"" help:"Id of the process."`
	Version     int32     `help:"Version; default: the latest." name:"process-version"`
	BusinessKey string    `help:"The instance's name in your business." placeholder:"KEY"`
	Variables   variables `short:"v" help:"JSON object; @file reads a file, - standard input." placeholder:"JSON"`
}

func (c *startCommand) Run(ctx context.Context, g *globals) error {
	vars, err := c.Variables.read()
	if err != nil {
		return err
	}
	var a api.Answer
	in := map[string]any{"version": c.Version, "businessKey": c.BusinessKey, "variables": vars}
	if err := g.client().call(ctx, "POST", "/v1/processes/"+url.PathEscape(c.Process)+"/instances", in, &a); err != nil {
		return err
	}
	return g.print(a, func() {
		fmt.Printf("started %s of %s version %d\n", strings.Join(a.Instances, " "), a.ProcessID, a.Version)
	})
}

type messageCommand struct {
	Name           string    `arg:"" help:"Name of the message."`
	CorrelationKey string    `arg:"" optional:"" help:"Correlation key."`
	MessageID      string    `help:"Id that makes the message idempotent." placeholder:"ID" name:"id" env:"-"`
	TTL            string    `help:"How long it waits for somebody, ISO 8601; PT0S: not at all." placeholder:"PT1H" name:"ttl"`
	BusinessKey    string    `help:"Business key of instances it starts; default: the correlation key." placeholder:"KEY"`
	Variables      variables `short:"v" help:"JSON object; @file reads a file, - standard input." placeholder:"JSON"`
}

func (c *messageCommand) Run(ctx context.Context, g *globals) error {
	vars, err := c.Variables.read()
	if err != nil {
		return err
	}
	in := map[string]any{"name": c.Name, "correlationKey": c.CorrelationKey, "messageId": c.MessageID, "ttl": c.TTL, "businessKey": c.BusinessKey, "variables": vars}
	var a api.Answer
	if err := g.client().call(ctx, "POST", "/v1/messages", in, &a); err != nil {
		return err
	}
	return g.print(a, func() { fmt.Println(a.Disposition, strings.Join(a.Instances, " ")) })
}
