package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/barnabas-project/barnabas/pkg/engine"
	"github.com/barnabas-project/barnabas/pkg/orchestrator"
)

// problem translates an error of the orchestrator, once, into HTTP.
func problem(err error) error {
	var refused *orchestrator.RefusedError
	var models *orchestrator.RefusedModels
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && refused.Missing:
		return huma.Error404NotFound(refused.Reason)
	case errors.As(err, &refused) && refused.Malformed:
		return huma.Error422UnprocessableEntity(refused.Reason)
	case errors.As(err, &refused):
		return huma.Error409Conflict(refused.Reason)
	case errors.As(err, &models) && len(models.Resources) == 1:
		return huma.Error422UnprocessableEntity("the model can't be deployed", details(models)...)
	case errors.As(err, &models):
		return huma.Error422UnprocessableEntity(fmt.Sprintf("%d of the models can't be deployed, so none was", len(models.Resources)), details(models)...)
	case errors.Is(err, orchestrator.ErrNotOwner):
		return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(err.Error()), map[string][]string{"Retry-After": {"1"}})
	case errors.Is(err, context.DeadlineExceeded):
		return huma.Error504GatewayTimeout(err.Error())
	}
	return huma.Error500InternalServerError(err.Error())
}

func details(models *orchestrator.RefusedModels) []error {
	var list []error
	for _, m := range models.Resources {
		for _, p := range m.Problems.List {
			list = append(list, &huma.ErrorDetail{
				Message:  p.Message,
				Location: p.ElementID,
				Value:    map[string]any{"resource": m.Resource, "line": p.Line, "column": p.Column, "code": p.Code, "severity": p.Severity.String()},
			})
		}
	}
	return list
}

func parseID(text string) (engine.InstanceID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return engine.InstanceID{}, huma.Error400BadRequest("instance id " + text + " is not a UUID")
	}
	return engine.InstanceID(id), nil
}
