package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// String writes the configuration as ParseConfig reads it.
func (c Config) String() string {
	s := fmt.Sprintf("seed=%d steps=%d engines=%d relays=%d homes=%d random=%d", c.Seed, c.Steps, c.Engines, c.Relays, c.Homes, c.Random)
	var faults []string
	for i, on := range c.Faults.all() {
		if *on {
			faults = append(faults, faultNames[i])
		}
	}
	s += " faults=" + strings.Join(faults, ",")
	if c.Only != nil {
		s += " only=" + ranges(c.Only)
	}
	return s
}

// ranges writes ascending numbers as 1-3,7.
func ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		first := numbers[i]
		last := first
		for i++; i < len(numbers) && numbers[i] == last+1; i++ {
			last++
		}
		if first == last {
			parts = append(parts, strconv.Itoa(first))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", first, last))
		}
	}
	return strings.Join(parts, ",")
}

// ParseConfig reads what String writes. What is left out is as the seed has it.
func ParseConfig(text string) (Config, error) {
	fields := make(map[string]string)
	for _, f := range strings.Fields(text) {
		name, value, ok := strings.Cut(f, "=")
		if !ok {
			return Config{}, fmt.Errorf("%q: name=value is needed", f)
		}
		fields[name] = value
	}
	seed, err := strconv.ParseUint(fields["seed"], 10, 64)
	if err != nil {
		return Config{}, fmt.Errorf("seed: %w", err)
	}
	c := Default(seed, 3000)
	for name, field := range map[string]*int{"steps": &c.Steps, "engines": &c.Engines, "relays": &c.Relays, "random": &c.Random} {
		if value, given := fields[name]; given {
			if *field, err = strconv.Atoi(value); err != nil {
				return Config{}, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if value, given := fields["homes"]; given {
		homes, err := strconv.ParseInt(value, 10, 32)
		if err != nil || homes < 1 {
			return Config{}, fmt.Errorf("homes: %q is no number of homes", value)
		}
		c.Homes = int32(homes)
	}
	if value, given := fields["faults"]; given {
		names := strings.Split(value, ",")
		for i, on := range c.Faults.all() {
			*on = slices.Contains(names, faultNames[i])
		}
	}
	c.Only, err = parseRanges(fields["only"])
	return c, err
}

func parseRanges(text string) (numbers []int, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && isRange {
			last, err = strconv.Atoi(to)
		}
		if err != nil {
			return nil, fmt.Errorf("only: %q: %w", part, err)
		}
		for n := first; n <= last; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}
