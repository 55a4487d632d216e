package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// refusedError is an answer of the engine that says no.
type refusedError struct{ message string }

func (e *refusedError) Error() string { return e.message }

// awayError says that something can't be reached.
type awayError struct{ message string }

func (e *awayError) Error() string { return e.message }

// client talks to an engine's REST interface.
type client struct {
	base  string
	token string
	http  http.Client
}

func (g *globals) client() *client {
	return &client{base: "http://" + g.Listen, token: g.Token, http: http.Client{Timeout: 60 * time.Second}}
}

// problemBody is an error as the REST interface tells it (RFC 9457).
type problemBody struct {
	Title  string      `json:"title"`
	Detail string      `json:"detail"`
	Errors []errorBody `json:"errors"`
}

type errorBody struct {
	Message  string `json:"message"`
	Location string `json:"location"`
	Value    any    `json:"value"`
}

// place is where in a model the error is, empty for any other.
func (e *errorBody) place() map[string]any {
	at, _ := e.Value.(map[string]any)
	return at
}

func (p *problemBody) String() string {
	var b strings.Builder
	b.WriteString(p.Detail)
	if p.Detail == "" {
		b.WriteString(p.Title)
	}
	resources := map[any]bool{}
	for _, e := range p.Errors {
		resources[e.place()["resource"]] = true
	}
	for _, e := range p.Errors {
		b.WriteString("\n  ")
		at := e.place()
		if len(resources) > 1 {
			fmt.Fprintf(&b, "%v: ", at["resource"])
		}
		if at["line"] != nil {
			fmt.Fprintf(&b, "line %v: ", at["line"])
		}
		if e.Location != "" {
			fmt.Fprintf(&b, "%s: ", e.Location)
		}
		b.WriteString(e.Message)
	}
	return b.String()
}

// call sends in (JSON, or raw bytes) and reads the answer into out.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	req, err := c.request(ctx, method, path, in)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &awayError{fmt.Sprintf("no engine answers at %s: start one (orchestrator dev), or name it with --listen\n  %v", c.base, errors.Unwrap(err))}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return &awayError{fmt.Sprintf("%s broke off its answer: %v", c.base, err)}
	}
	if resp.StatusCode >= 300 {
		return refusal(resp, body)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s does not answer like an engine: %w", c.base, err)
	}
	return nil
}

func (c *client) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	var body io.Reader
	contentType := "application/json"
	switch v := in.(type) {
	case nil:
	case []byte:
		body, contentType = bytes.NewReader(v), "application/xml"
	case form:
		body, contentType = bytes.NewReader(v.body), v.contentType
	default:
		data, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, &usageError{err.Error()}
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

func refusal(resp *http.Response, body []byte) error {
	var p problemBody
	if json.Unmarshal(body, &p) != nil || p.Title+p.Detail == "" {
		p.Detail = fmt.Sprintf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	if resp.StatusCode >= 500 {
		return &awayError{p.String()}
	}
	return &refusedError{p.String()}
}
