package dev

import (
	"context"
	"fmt"
)

func (p *Postgres) download(ctx context.Context, major int) (installation, error) {
	return installation{}, fmt.Errorf("no Postgres %d or newer found", oldestPostgres)
}
