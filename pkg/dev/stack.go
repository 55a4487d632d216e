package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"go.uber.org/zap"
)

// Config says how to run a Stack. DataDir is required, all else may be zero.
type Config struct {
	// DataDir is the folder for all data, created if missing; one stack at a time can use it.
	DataDir string
	// KafkaPort and PostgresPort to listen on, on 127.0.0.1. Default: free ones, others at each start.
	KafkaPort, PostgresPort int
	// Logger tells what is started where. Default: none.
	Logger *zap.Logger
}

// Stack is everything Barnabas needs around it, in one data folder.
type Stack struct {
	Kafka    *Kafka
	Postgres *Postgres

	lock *folderLock
}

// Start runs an embedded broker and a private Postgres on the data of one folder. Both end with this process, however it ends, and
// find their data again at the next start. A folder that another stack uses gives ErrLocked, naming that process.
func Start(ctx context.Context, config Config) (*Stack, error) {
	if config.DataDir == "" {
		return nil, errors.New("embedded servers: give a data folder")
	}
	s := &Stack{}
	if err := s.start(ctx, config); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, config Config) (err error) {
	folder, err := filepath.Abs(config.DataDir)
	if err != nil {
		return fmt.Errorf("data folder %s: %w", config.DataDir, err)
	}
	if s.lock, err = lockFolder(folder); err != nil {
		return err
	}
	log := cmp.Or(config.Logger, zap.NewNop())
	s.Postgres, err = StartPostgres(ctx, PostgresConfig{DataDir: filepath.Join(folder, "postgres"), Port: config.PostgresPort, Logger: log})
	if err != nil {
		return err
	}
	s.Kafka, err = StartKafka(ctx, KafkaConfig{DataDir: filepath.Join(folder, "kafka"), Port: config.KafkaPort, Logger: log})
	return err
}

// Close stops both servers and waits until they are gone.
func (s *Stack) Close() error {
	var err error
	if s.Kafka != nil {
		s.Kafka.Close()
	}
	if s.Postgres != nil {
		err = s.Postgres.Close()
	}
	if s.lock != nil {
		s.lock.release()
		s.lock = nil
	}
	return err
}
