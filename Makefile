# make help shows what there is. CI runs exactly these targets (.ci/run).
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

KAFKA := deploy/kafka/local/kafka.sh
TOOL := go tool -modfile=deploy/tools/go.mod

# Packages whose tests run on an embedded broker or on the cluster of BARNABAS_TEST_BROKERS.
PROTOCOL_TESTS = $(sort $(dir $(shell grep -rsl --include='*_test.go' 'devtest[.]Kafka\b' cmd examples pkg)))

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the commands into bin/
	go build -trimpath -o bin/ ./cmd/...

.PHONY: test
test: ## run all tests, on embedded Kafka and a private Postgres
	go test ./...

.PHONY: test-race
test-race: ## the same under the race detector
	go test -race -timeout 30m ./...

.PHONY: test-kafka
test-kafka: ## run the protocol tests on a real Apache Kafka, started for this on a free port
	$(KAFKA) run go test -count=1 $(addprefix ./,$(PROTOCOL_TESTS))

.PHONY: fuzz
fuzz: ## fuzz every target in turn and print a table: FUZZTIME=10m
	FUZZTIME=$(or $(FUZZTIME),1m) .ci/fuzz

.PHONY: sim
sim: ## simulate the shell under faults: STEPS=1000000 SEED=n (default: by the clock), a process per core
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	go test -c -o "$$dir/sim.test" ./pkg/sim; cd pkg/sim; \
	cores=$$(nproc); steps=$$(( $(or $(STEPS),1000000) / cores )); seed=$(or $(SEED),$$(date +%s%N | cut -c1-13)); \
	pids=(); for core in $$(seq $$cores); do \
	  GOMAXPROCS=1 "$$dir/sim.test" -test.v -test.timeout 2h -test.run 'TestSimulation$$' -sim.steps=$$steps -sim.seed=$$((seed + core * 1000000)) & pids+=($$!); \
	done; failed=0; for pid in "$${pids[@]}"; do wait "$$pid" || failed=1; done; exit $$failed

.PHONY: mutate
mutate: ## remove each guard from a copy and see a test fail
	go run ./internal/mutate

.PHONY: chaos
chaos: ## run everything for real and break it, then check all books: DURATION=3m SEED=n REPORT=docs ARGS="--chains 100"
	go build -trimpath -o bin/ ./internal/chaos
	exec bin/chaos $(if $(DURATION),--duration $(DURATION)) $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT)) $(ARGS)

.PHONY: lint
lint: vet ## check style and common mistakes
	$(TOOL) golangci-lint run ./...

.PHONY: vet
vet: ## run go vet
	go vet ./...

.PHONY: fmt
fmt: ## format all Go code
	gofmt -w -s $$(git ls-files --cached --others --exclude-standard '*.go')

.PHONY: bench
bench: ## run benchmarks: BENCH=regexp COUNT=n PKG=./pkg/engine; compare results with benchstat
	go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -count=$(or $(COUNT),1) $(or $(PKG),./...)

.PHONY: benchstat
benchstat: ## compare outputs of make bench: OLD=file NEW=file
	$(TOOL) benchstat $(OLD) $(NEW)

.PHONY: demo
demo: ## run the order example with everything embedded: ONCE=1 checks how 20 orders end, ORDERS=n RATE=n
	go build -trimpath -o bin/ ./cmd/orchestrator
	exec bin/orchestrator demo $(if $(ONCE),--once) $(if $(ORDERS),--orders $(ORDERS)) $(if $(RATE),--rate $(RATE))

.PHONY: kafka-up
kafka-up: ## start a real Apache Kafka in the background: KAFKA_PORT=19092 KAFKA_DATA=.data/kafka/19092
	@$(KAFKA) up

.PHONY: kafka-down
kafka-down: ## stop it; its data stays
	@$(KAFKA) down

.PHONY: verify
verify: ## check that modules and formatting are as they should be
	go mod tidy -diff
	go mod verify
	@unformatted=$$(gofmt -s -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	[ -z "$$unformatted" ] || { echo "not formatted, run make fmt: $$unformatted"; exit 1; }

.PHONY: clean
clean: ## remove what was built; data in .data stays
	rm -rf bin
