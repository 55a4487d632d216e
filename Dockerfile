# Two images from one build: docker build --target orchestrator . and docker build --target relay .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/ ./cmd/orchestrator ./cmd/relay

# No shell, no package manager, runs as user 65532.
FROM gcr.io/distroless/static-debian12:nonroot AS relay
COPY --from=build /out/relay /relay
ENTRYPOINT ["/relay"]

FROM gcr.io/distroless/static-debian12:nonroot AS orchestrator
COPY --from=build /out/orchestrator /orchestrator
ENTRYPOINT ["/orchestrator"]
CMD ["serve"]
