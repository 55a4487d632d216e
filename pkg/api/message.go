package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/barnabas-project/barnabas/pkg/wire"
)

type messageInput struct {
	Body struct {
		Name           string    `json:"name" minLength:"1" maxLength:"256"`
		CorrelationKey string    `json:"correlationKey,omitempty" maxLength:"2048"`
		MessageID      string    `json:"messageId,omitempty" maxLength:"256" doc:"Makes the message idempotent"`
		TTL            string    `json:"ttl,omitempty" doc:"How long it waits for a subscription, ISO 8601, e.g. PT1H; PT0S: not at all"`
		BusinessKey    string    `json:"businessKey,omitempty" maxLength:"256"`
		Tenant         string    `json:"tenant,omitempty" maxLength:"256"`
		Variables      Variables `json:"variables,omitempty"`
	}
}

func (s *server) messages(api huma.API) {
	huma.Register(api, op(http.MethodPost, "/v1/messages", "publish-message", "messages",
		"Give a message to a waiting instance, start processes by it, or keep it waiting"), s.publish)
}

func (s *server) publish(ctx context.Context, in *messageInput) (*answerOutput, error) {
	m := wire.Message{
		Name: in.Body.Name, CorrelationKey: in.Body.CorrelationKey, ID: in.Body.MessageID, BusinessKey: in.Body.BusinessKey,
		Tenant: in.Body.Tenant, Variables: object(in.Body.Variables),
	}
	if in.Body.TTL != "" {
		ttl, err := parseTTL(in.Body.TTL)
		if err != nil {
			return nil, err
		}
		m.TTL = &ttl
	}
	a, err := s.o.Publish(ctx, m)
	if err != nil {
		return nil, problem(err)
	}
	return &answerOutput{accepted(a), answer(a)}, nil
}

func parseTTL(text string) (time.Duration, error) {
	d, ok := wire.ParseDuration(text)
	if !ok || d < 0 {
		return 0, huma.Error400BadRequest("ttl " + text + " is not an ISO 8601 duration such as PT30S or PT1H")
	}
	return d, nil
}
