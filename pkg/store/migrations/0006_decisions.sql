-- +goose Up

-- Deployed DMN models. Rows are immutable. imports are the models it imports, as they were when it was deployed.
CREATE TABLE decision_model (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace   text        NOT NULL,
    resource    text        NOT NULL,                 -- file name as deployed
    checksum    bytea       NOT NULL,                 -- sha256 of xml and of the checksums of the imports
    imports     bigint[]    NOT NULL DEFAULT '{}',
    xml         bytea       NOT NULL,
    deployed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX decision_model_namespace ON decision_model (namespace, id);

-- Decisions and decision services of the models. The highest version of a decision id is the latest.
CREATE TABLE decision (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model       bigint NOT NULL REFERENCES decision_model,
    decision_id text   NOT NULL,
    version     int    NOT NULL CHECK (version > 0),
    version_tag text   NOT NULL DEFAULT '',
    name        text   NOT NULL DEFAULT '',
    UNIQUE (decision_id, version)
);
CREATE INDEX decision_of_model ON decision (model);

-- The decisions that were deployed in one go with a process version: what the binding "deployment" means.
ALTER TABLE definition ADD COLUMN decisions bigint[] NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE definition DROP COLUMN decisions;
DROP TABLE decision, decision_model;
