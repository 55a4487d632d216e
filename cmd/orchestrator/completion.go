package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" help:"bash, zsh or fish." enum:"bash,zsh,fish"`
}

func (c *completionCommand) Run(k *kong.Context) error {
	words := completionWords(k.Model.Node, "")
	switch c.Shell {
	case "fish":
		for _, w := range words {
			fmt.Printf("complete -c orchestrator -n '%s' -f -a '%s'\n", fishCondition(w.path), strings.Join(w.words, " "))
		}
		return nil
	case "zsh":
		fmt.Println("autoload -U +X bashcompinit && bashcompinit")
	}
	fmt.Println(bashCompletion(words))
	return nil
}

// pathWords are the words that may follow a path of commands.
type pathWords struct {
	path  string // "", "instances", "instances list"
	words []string
}

// completionWords walks the commands.
func completionWords(n *kong.Node, path string) []pathWords {
	own := pathWords{path: path}
	var all []pathWords
	for _, child := range n.Children {
		own.words = append(own.words, child.Name)
		all = append(all, completionWords(child, strings.TrimSpace(path+" "+child.Name))...)
	}
	for _, flags := range n.AllFlags(true) {
		for _, f := range flags {
			own.words = append(own.words, "--"+f.Name)
		}
	}
	return append([]pathWords{own}, all...)
}

func bashCompletion(words []pathWords) string {
	var b strings.Builder
	b.WriteString("_orchestrator() {\n  local path=\"\" word words\n")
	b.WriteString("  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do [[ $word == -* ]] || path=\"${path:+$path }$word\"; done\n")
	b.WriteString("  case \"$path\" in\n")
	for _, w := range words {
		fmt.Fprintf(&b, "    %q) words=%q ;;\n", w.path, strings.Join(w.words, " "))
	}
	b.WriteString("  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n")
	b.WriteString("complete -o default -F _orchestrator orchestrator")
	return b.String()
}

func fishCondition(path string) string {
	if path == "" {
		return "__fish_use_subcommand"
	}
	return "__fish_seen_subcommand_from " + path
}
