package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// configuration is a YAML file of flag values, by the names of the flags: those
// of one command below the name of the command, or beside the others for all
// commands that have them. Flags and the environment go before it.
type configuration map[string]any

func yamlConfiguration(r io.Reader) (kong.Resolver, error) {
	c := configuration{}
	if err := yaml.NewDecoder(r).Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return c, nil
}

// Validate implements kong.Resolver: every key must mean something.
func (c configuration) Validate(app *kong.Application) error {
	return c.check(app.Node, "")
}

func (c configuration) check(node *kong.Node, path string) error {
	for key, value := range c {
		inner, isMap := value.(configuration)
		command := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == key })
		switch {
		case isMap && command >= 0:
			if err := inner.check(node.Children[command], path+key+"."); err != nil {
				return err
			}
		case isMap || !flagNamed(node, flagName(key)):
			return fmt.Errorf("configuration: %s%s is neither a flag nor a command with flags: see orchestrator --help", path, key)
		}
	}
	return nil
}

// flagNamed says whether a command or one below it has the flag.
func flagNamed(node *kong.Node, name string) bool {
	return slices.ContainsFunc(node.Flags, func(f *kong.Flag) bool { return f.Name == name }) ||
		slices.ContainsFunc(node.Children, func(n *kong.Node) bool { return flagNamed(n, name) })
}

// flagName takes log_level for log-level.
func flagName(key string) string { return strings.ReplaceAll(key, "_", "-") }

// Resolve implements kong.Resolver.
func (c configuration) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	at, value := c, c.value(flag.Name)
	for _, p := range ctx.Path {
		if p.Command == nil {
			continue
		}
		inner, isMap := at[p.Command.Name].(configuration)
		if !isMap {
			break
		}
		if v := inner.value(flag.Name); v != nil {
			value = v
		}
		at = inner
	}
	return value, nil
}

func (c configuration) value(flag string) any {
	for key, v := range c {
		if _, isMap := v.(configuration); flagName(key) == flag && !isMap {
			return v
		}
	}
	return nil
}
