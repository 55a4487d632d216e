package api

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/barnabas-project/barnabas/pkg/orchestrator"
)

// Config of the REST interface.
type Config struct {
	Orchestrator *orchestrator.Orchestrator // required
	Version      string                     // of the program, for the description
	// Token, when set, must come as "Authorization: Bearer …" with every call but
	// those of health and readiness.
	Token   string
	Metrics prometheus.Gatherer // shown at /metrics; nil: not served
	// Ready lists what keeps the process from working; none: ready.
	Ready func() map[string]string
}

// MaxBody bounds request bodies: models are the largest.
const MaxBody = 12 << 20

// server holds what handlers need.
type server struct {
	o     *orchestrator.Orchestrator
	ready func() map[string]string
}

// New is the handler of everything under /.
func New(cfg Config) http.Handler {
	s := &server{o: cfg.Orchestrator, ready: cfg.Ready}
	mux := http.NewServeMux()
	described(mux, s, cfg.Version)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	if cfg.Metrics != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Metrics, promhttp.HandlerOpts{}))
	}
	return authorised(cfg.Token, http.MaxBytesHandler(mux, MaxBody))
}

// Description is the OpenAPI 3.1 document, as YAML.
func Description(version string) ([]byte, error) {
	return described(http.NewServeMux(), &server{}, version).OpenAPI().YAML()
}

func described(mux *http.ServeMux, s *server, version string) huma.API {
	cfg := huma.DefaultConfig("Barnabas", version)
	cfg.Info.Description = "Deploy processes and decisions, start instances, send them messages, look at what runs and mend what is stuck; evaluate decisions. " +
		"Everything that happens often goes over Kafka; see the protocol."
	cfg.CreateHooks = nil // no $schema member in answers
	cfg.DocsPath = ""     // its page would load scripts from elsewhere
	api := humago.New(mux, cfg)
	s.deployments(api)
	s.decisions(api)
	s.instances(api)
	s.messages(api)
	s.incidents(api)
	return api
}

// authorised lets only holders of the token through, except to health and
// readiness, which probes ask for.
func authorised(token string, next http.Handler) http.Handler {
	if token == "" {
		return next
	}
	want := []byte("Bearer " + token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := []byte(r.Header.Get("Authorization"))
		probe := r.URL.Path == "/healthz" || r.URL.Path == "/readyz"
		if probe || subtle.ConstantTimeCompare(got, want) == 1 {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="barnabas"`)
		writeProblem(w, http.StatusUnauthorized, "send the token this engine was started with: Authorization: Bearer <token>")
	})
}

func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
}

func (s *server) readyz(w http.ResponseWriter, _ *http.Request) {
	problems := s.ready()
	if len(problems) > 0 {
		writeJSON(w, http.StatusServiceUnavailable, map[string]any{"status": "waiting", "for": problems})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"status": "ready", "homes": s.o.Homes()})
}

// writeProblem answers as RFC 9457 has it.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	encode(w, status, map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	encode(w, status, v)
}

func encode(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client is gone if this fails
}

func op(method, path, id, tag, summary string) huma.Operation {
	return huma.Operation{Method: method, Path: path, OperationID: id, Tags: []string{tag}, Summary: summary, MaxBodyBytes: MaxBody}
}
