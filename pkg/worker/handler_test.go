package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

type order struct {
	OrderID string `json:"orderId"`
	Amount  int    `json:"amount"`
}

type receipt struct {
	ReceiptID string `json:"receiptId"`
	Charged   int    `json:"charged"`
}

func TestTypedHandlerGetsTheTaskAndItsResultGoesHome(t *testing.T) {
	t.Parallel()
	f := setup(t, "charge")
	instance, tasks := uuid.New(), make(chan Task, 1)
	start(t, f.config("charge", Typed(func(_ context.Context, in order, task Task) (receipt, error) {
		tasks <- task
		return receipt{ReceiptID: "r-" + in.OrderID, Charged: in.Amount}, nil
	})))
	deadline := time.Now().Add(time.Minute).UTC().Truncate(time.Microsecond)
	command := f.command("charge", instance, `{"orderId":"o-7","amount":49,"unknown":true}`, func(c *wire.TaskCommand) {
		c.ID.Attempt, c.Deadline, c.Tenant = 2, deadline, "acme"
		c.Headers = []wire.Header{{Key: "currency", Value: []byte("EUR")}}
		c.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	})
	f.send(command)

	task := receive(t, "task", tasks)
	require.Equal(t, Task{
		Type: "charge", InstanceID: instance.String(), ProcessID: "order", ElementID: "Task_1", BusinessKey: "order-7", Tenant: "acme",
		Attempt: 2, CorrelationID: command.ID.String(), Deadline: deadline, TraceParent: command.TraceParent,
		Variables: json.RawMessage(`{"orderId":"o-7","amount":49,"unknown":true}`),
		home:      task.home, record: task.record, results: task.results,
	}, task)
	require.Equal(t, "EUR", task.Header("currency"))
	require.Empty(t, task.Header("absent"))

	r := f.result()
	require.Equal(t, command.ID, r.CorrelationID)
	require.Equal(t, wire.ResultCompleted, r.Status)
	require.Equal(t, command.ID.Home, r.partition, "the reply goes to replyPartition")
	require.Equal(t, instance.String(), r.key, "the key is the command's")
	require.Equal(t, command.TraceParent, r.TraceParent)
	require.JSONEq(t, `{"receiptId":"r-o-7","charged":49}`, string(r.Variables))
}

func TestWhatHandlersReturnBecomesTheResult(t *testing.T) {
	t.Parallel()
	refused := errors.New("card refused")
	none, minute := 0, time.Minute
	long := strings.Repeat("ö", 5000)
	for name, c := range map[string]struct {
		variables any
		err       error
		want      wire.Result
		contains  string // of the error message, instead of want's
	}{
		"nothing":            {want: wire.Result{}},
		"map":                {variables: map[string]int{"a": 1}, want: wire.Result{Variables: []byte(`{"a":1}`)}},
		"raw":                {variables: json.RawMessage(` {"a":1.10} `), want: wire.Result{Variables: []byte(`{"a":1.10}`)}},
		"null":               {variables: (*receipt)(nil), want: wire.Result{}},
		"array":              {variables: []int{1}, want: wire.Result{Status: wire.ResultFailed, Retries: &none}, contains: "[]int gives \"[1]\", which is not a JSON object"},
		"broken raw":         {variables: json.RawMessage(`{"a":`), want: wire.Result{Status: wire.ResultFailed, Retries: &none}, contains: "not a JSON object"},
		"unmarshallable":     {variables: func() {}, want: wire.Result{Status: wire.ResultFailed, Retries: &none}, contains: "unsupported type"},
		"error":              {err: refused, want: wire.Result{Status: wire.ResultFailed, ErrorMessage: "card refused"}},
		"no text":            {variables: json.RawMessage("{\"a\":\"\xff\"}"), want: wire.Result{Status: wire.ResultFailed, Retries: &none}, contains: "not valid UTF-8"},
		"a name twice":       {variables: json.RawMessage(`{"a":1,"\u0061":2}`), want: wire.Result{Status: wire.ResultFailed, Retries: &none}, contains: `has member "a" twice`},
		"too deep":           {variables: json.RawMessage(`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`), want: wire.Result{Status: wire.ResultFailed, Retries: &none}, contains: "nested deeper than 100 levels"},
		"too large":          {variables: map[string]string{"a": strings.Repeat("x", 1<<20)}, want: wire.Result{Status: wire.ResultFailed, Retries: &none}, contains: "the limit is 1048576"},
		"empty error":        {err: errors.New(""), want: wire.Result{Status: wire.ResultFailed}},
		"error and value":    {variables: map[string]int{"a": 1}, err: refused, want: wire.Result{Status: wire.ResultFailed, ErrorMessage: "card refused"}},
		"retry":              {err: Retry(refused), want: wire.Result{Status: wire.ResultFailed, ErrorMessage: "card refused"}},
		"retry after":        {err: RetryAfter(minute, refused), want: wire.Result{Status: wire.ResultFailed, ErrorMessage: "card refused", RetryAfter: &minute}},
		"give up":            {err: GiveUp(refused), want: wire.Result{Status: wire.ResultFailed, ErrorMessage: "card refused", Retries: &none}},
		"wrapped":            {err: fmt.Errorf("charge: %w", GiveUp(refused)), want: wire.Result{Status: wire.ResultFailed, ErrorMessage: "charge: card refused", Retries: &none}},
		"retry over give up": {err: Retry(GiveUp(refused)), want: wire.Result{Status: wire.ResultFailed, ErrorMessage: "card refused"}},
		"business error": {err: BPMNError("OUT_OF_STOCK", "none left", map[string]int{"left": 0}),
			want: wire.Result{Status: wire.ResultBPMNError, ErrorCode: "OUT_OF_STOCK", ErrorMessage: "none left", Variables: []byte(`{"left":0}`)}},
		"business error, wrapped": {err: fmt.Errorf("reserve: %w", BPMNError("X", "", nil)), want: wire.Result{Status: wire.ResultBPMNError, ErrorCode: "X"}},
		"business error without code": {err: BPMNError("", "none left", nil),
			want: wire.Result{Status: wire.ResultFailed, Retries: &none}, contains: `error code "" is not 1 to 256 bytes of text: none left`},
		"business error, bad value": {err: BPMNError("X", "", 7), want: wire.Result{Status: wire.ResultFailed, Retries: &none}, contains: "not a JSON object"},
		"bad UTF-8":                 {err: errors.New("caf\xe9"), want: wire.Result{Status: wire.ResultFailed, ErrorMessage: "caf\ufffd"}},
		"long message":              {err: errors.New("x" + long), want: wire.Result{Status: wire.ResultFailed, ErrorMessage: "x" + long[:4094]}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := answerTo(t, c.variables, c.err)
			c.want.CorrelationID = r.CorrelationID
			if c.contains != "" {
				require.Contains(t, r.ErrorMessage, c.contains)
				c.want.ErrorMessage = r.ErrorMessage
			}
			require.Equal(t, c.want, r)
		})
	}
}

// answerTo is what the engine reads when a handler returns variables and err.
func answerTo(t *testing.T, variables any, err error) wire.Result {
	id := wire.CorrelationID{Instance: uuid.New(), Home: 3, Task: 1, Attempt: 1}
	command := &wire.Record{Headers: []wire.Header{{Key: wire.HeaderCorrelationID, Value: []byte(id.String())}}}
	task, decodeErr := decodeTask(command)
	require.NoError(t, decodeErr)
	task.results = &results{defaultTopic: "results"}
	record, status := result(task, variables, err)
	require.Equal(t, "results", record.Topic)
	require.Equal(t, int32(3), record.Partition, "without replyPartition, the home in the correlation id")
	r, decodeErr := wire.DecodeResult(&record, wire.Limits{})
	require.NoError(t, decodeErr)
	require.Equal(t, status, r.Status)
	return r
}

func TestRetryDelayIsRoundedUpAndBounded(t *testing.T) {
	t.Parallel()
	for in, want := range map[time.Duration]time.Duration{
		1500 * time.Microsecond: 2 * time.Millisecond,
		-time.Second:            0,
		1<<63 - 1:               10 * 365 * 24 * time.Hour,
	} {
		require.Equal(t, want, *answerTo(t, nil, RetryAfter(in, errors.New("x"))).RetryAfter)
	}
}

func TestNoErrorStaysNoError(t *testing.T) {
	t.Parallel()
	require.NoError(t, Retry(nil))
	require.NoError(t, RetryAfter(time.Second, nil))
	require.NoError(t, GiveUp(nil))
}

func TestErrorsCanBeUnwrapped(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, RetryAfter(time.Second, context.Canceled), context.Canceled)
	require.EqualError(t, BPMNError("X", "gone", nil), "BPMN error X: gone")
}

func TestVariablesThatDontFitFailTheTaskForGood(t *testing.T) {
	t.Parallel()
	f := setup(t, "charge")
	start(t, f.config("charge", Typed(func(context.Context, order, Task) (any, error) {
		return nil, errors.New("must not be called")
	})))
	f.send(f.command("charge", uuid.New(), `{"amount":"a lot"}`))
	r := f.result()
	require.Equal(t, wire.ResultFailed, r.Status)
	require.Equal(t, 0, *r.Retries)
	require.Contains(t, r.ErrorMessage, "read variables of task Task_1 into worker.order")
	require.Contains(t, r.ErrorMessage, "cannot unmarshal string")
	require.Contains(t, r.ErrorMessage, "amount")
}

func TestPanicFailsTheAttemptWithItsStack(t *testing.T) {
	t.Parallel()
	f := setup(t, "charge")
	start(t, f.config("charge", func(context.Context, Task) (any, error) { panic("no such card") }))
	f.send(f.command("charge", uuid.New(), `{}`), f.command("charge", uuid.New(), `{}`))
	for _, r := range f.results(2) {
		require.Equal(t, wire.ResultFailed, r.Status)
		require.Nil(t, r.Retries, "the model decides on another attempt")
		require.True(t, strings.HasPrefix(r.ErrorMessage, "panic: no such card\n"), r.ErrorMessage)
		require.Contains(t, r.ErrorMessage, "handler_test.go")
		require.LessOrEqual(t, len(r.ErrorMessage), maxErrorMessage)
	}
}

func TestDeadlineEndsTheHandlersContext(t *testing.T) {
	t.Parallel()
	f := setup(t, "charge")
	start(t, f.config("charge", func(ctx context.Context, _ Task) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	f.send(f.command("charge", uuid.New(), `{}`, func(c *wire.TaskCommand) { c.Deadline = time.Now().Add(time.Second) }))
	r := f.result()
	require.Equal(t, wire.ResultFailed, r.Status)
	require.Regexp(t, "deadline", r.ErrorMessage)
}

func TestTaskPastItsDeadlineIsNotBegun(t *testing.T) {
	t.Parallel()
	f := setup(t, "charge")
	start(t, f.config("charge", func(context.Context, Task) (any, error) { return nil, errors.New("must not be called") }))
	f.send(f.command("charge", uuid.New(), `{}`, func(c *wire.TaskCommand) { c.Deadline = time.Now().Add(-time.Minute) }))
	r := f.result()
	require.Equal(t, wire.ResultFailed, r.Status)
	require.Contains(t, r.ErrorMessage, "after its deadline")
}

func TestProgressArrivesBeforeTheResult(t *testing.T) {
	t.Parallel()
	f := setup(t, "import")
	start(t, f.config("import", func(ctx context.Context, task Task) (any, error) {
		if err := task.Progress(ctx, map[string]int{"percent": 50}); err != nil {
			return nil, err
		}
		if err := task.Progress(ctx, 50); err == nil {
			return nil, errors.New("progress takes objects only")
		}
		return map[string]int{"percent": 100}, nil
	}))
	f.send(f.command("import", uuid.New(), `{}`))
	both := f.results(2)
	require.Equal(t, wire.ResultProgress, both[0].Status)
	require.JSONEq(t, `{"percent":50}`, string(both[0].Variables))
	require.Equal(t, wire.ResultCompleted, both[1].Status)
	require.JSONEq(t, `{"percent":100}`, string(both[1].Variables))
	require.Equal(t, both[0].CorrelationID, both[1].CorrelationID)
}
