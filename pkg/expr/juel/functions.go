package juel

import (
	"slices"
	"time"

	"github.com/barnabas-project/barnabas/pkg/expr"
)

const availableFunctions = "the functions are now(), dateTime(), S(value) and JSON(value)"

// function compiles a call of one of the few functions that need no bean.
func (p *parser) function(name token, args []node) (node, error) {
	wanted := 0
	switch name.text {
	case "now", "dateTime":
	case "S", "JSON":
		wanted = 1
	default:
		return nil, expr.ErrorAt(p.source, name.start, "the function %s() is not available; %s", name.text, availableFunctions)
	}
	if len(args) != wanted {
		return nil, expr.ErrorAt(p.source, name.start, "%s() takes %d arguments, not %d", name.text, wanted, len(args))
	}
	if wanted == 0 {
		return clock{}, nil
	}
	return &parsedJSON{at: name.start, text: args[0]}, nil
}

// clock is now() and dateTime().
type clock struct{}

func (clock) eval(m *machine) (expr.Value, error) { return expr.DateTime(m.env.Now), nil }

// parsedJSON is S(…) and JSON(…): a string is read as JSON, anything else is JSON
// already.
type parsedJSON struct {
	at   int
	text node
}

func (n *parsedJSON) eval(m *machine) (expr.Value, error) {
	v, err := n.text.eval(m)
	s, isString := v.AsString()
	if err != nil || !isString {
		return v, err
	}
	if v, err = expr.FromJSON([]byte(s)); err != nil {
		return v, m.errorf(n.at, "%v", err)
	}
	return v, m.charge(n.at, v)
}

// execution is the name under which models reach the running instance.
const execution = "execution"

// getters are the methods of execution that read; each is the entry of the
// variable "execution" (a context that the host provides) named after it.
var getters = map[string]string{
	"getId": "id", "getProcessInstanceId": "processInstanceId", "getProcessBusinessKey": "processBusinessKey",
	"getBusinessKey": "businessKey", "getProcessDefinitionId": "processDefinitionId", "getCurrentActivityId": "currentActivityId",
	"getCurrentActivityName": "currentActivityName", "getActivityInstanceId": "activityInstanceId",
	"getParentId": "parentId", "getTenantId": "tenantId", "getEventName": "eventName",
}

// executionMethod compiles execution.getVariable('x') and its like.
func (p *parser) executionMethod(base *variable, name token, args []node) (node, error) {
	if entry, ok := getters[name.text]; ok && len(args) == 0 {
		return &property{at: name.start, base: base, key: &literal{value: expr.String(entry)}}, nil
	}
	reads := []string{"getVariable", "getVariableLocal", "hasVariable", "hasVariableLocal"}
	if !slices.Contains(reads, name.text) {
		return nil, expr.ErrorAt(p.source, name.start,
			"execution.%s() is not available in an expression, which can only read: getVariable('name'), hasVariable('name') and properties such as processBusinessKey", name.text)
	}
	if len(args) != 1 {
		return nil, expr.ErrorAt(p.source, name.start, "execution.%s() takes the name of a variable", name.text)
	}
	if fixed, ok := args[0].(*literal); ok && !slices.Contains(p.names, fixed.value.Text()) {
		p.names = append(p.names, fixed.value.Text())
	}
	return &namedVariable{name: args[0], asks: name.text[0] == 'h'}, nil
}

// namedVariable is execution.getVariable(name), null if there is none, or
// execution.hasVariable(name).
type namedVariable struct {
	name node
	asks bool
}

func (n *namedVariable) eval(m *machine) (expr.Value, error) {
	name, err := n.name.eval(m)
	if err != nil {
		return name, err
	}
	v, ok := m.lookup(name.Text())
	if n.asks {
		return expr.Bool(ok), nil
	}
	return v, nil
}

// temporalGetter is a property of a date and time, as Java beans name it.
func temporalGetter(v expr.Value, name string) (expr.Value, bool) {
	t, ok := v.Clock()
	if !ok {
		return expr.Null(), false
	}
	switch name {
	case "time", "millis":
		return expr.Int(t.UnixMilli()), true
	case "year":
		return expr.Int(int64(t.Year())), true
	case "monthOfYear", "monthValue":
		return expr.Int(int64(t.Month())), true
	case "dayOfMonth":
		return expr.Int(int64(t.Day())), true
	case "dayOfWeek":
		return expr.Int(int64(t.Weekday()+6)%7 + 1), true
	case "hourOfDay", "hour":
		return expr.Int(int64(t.Hour())), true
	case "minuteOfHour", "minute":
		return expr.Int(int64(t.Minute())), true
	}
	return expr.Null(), false
}

// moved is v advanced by n units; ok is false for an unknown unit or a result
// out of range.
func moved(v expr.Value, unit string, n int64) (expr.Value, bool) {
	t, ok := v.AsTime()
	if !ok {
		return expr.Null(), false
	}
	const most = 1 << 40
	if n > most || n < -most {
		return expr.Null(), false
	}
	var d expr.Value
	switch unit {
	case "Years":
		d = expr.Months(12 * n)
	case "Months":
		d = expr.Months(n)
	case "Millis":
		d = expr.Seconds(n/1000, n%1000*int64(time.Millisecond))
	default:
		seconds, known := map[string]int64{"Weeks": 604800, "Days": 86400, "Hours": 3600, "Minutes": 60, "Seconds": 1}[unit]
		if !known {
			return expr.Null(), false
		}
		d = expr.Seconds(n*seconds, 0)
	}
	t, ok = d.AsDuration(t)
	return expr.DateTime(t), ok
}
