-- The platform's own state. People's data never lives here, but for what they asked and what came back.
-- Times are timestamptz, identifiers bigint; what a person typed is text with a bounded length.

-- People. A local account has a password hash (Argon2id); one made by single sign-on has none. A header identity
-- never signs in to a local account: origin is part of who somebody is.
CREATE TABLE users (
	id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	email         text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
	name          text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
	origin        text NOT NULL CHECK (origin IN ('local', 'header')),
	password_hash text CHECK ((origin = 'local') = (password_hash IS NOT NULL)),
	is_admin      boolean NOT NULL DEFAULT false,
	disabled_at   timestamptz,
	created_at    timestamptz NOT NULL DEFAULT now(),
	last_seen_at  timestamptz,
	CONSTRAINT users_email_key UNIQUE (email)
);

-- Browser sessions. Only a hash of the cookie is kept. csrf is the token that every form of this session carries.
CREATE TABLE sessions (
	token_hash   bytea PRIMARY KEY CHECK (length(token_hash) = 32),
	user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
	csrf         text NOT NULL,
	created_at   timestamptz NOT NULL DEFAULT now(),
	expires_at   timestamptz NOT NULL,
	address      text NOT NULL,
	user_agent   text NOT NULL DEFAULT '' CHECK (length(user_agent) <= 400)
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- Counters for rate limits: one row for each bucket ("sign-in:address:203.0.113.7") and window.
CREATE TABLE rate_limits (
	bucket       text NOT NULL CHECK (length(bucket) <= 400),
	window_start timestamptz NOT NULL,
	count        bigint NOT NULL,
	PRIMARY KEY (bucket, window_start)
);

-- What people did, append-only. object is "project:7"; detail holds no secrets.
CREATE TABLE audit_log (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at         timestamptz NOT NULL DEFAULT now(),
	user_id    bigint REFERENCES users ON DELETE SET NULL,
	action     text NOT NULL,
	object     text NOT NULL DEFAULT '',
	detail     jsonb NOT NULL DEFAULT '{}',
	address    text NOT NULL DEFAULT '',
	request_id text NOT NULL DEFAULT ''
);
CREATE INDEX audit_log_at ON audit_log (at);

-- A project: one scope of data with its own members, prompt, limits and model.
CREATE TABLE projects (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	slug        text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
	name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
	description text NOT NULL DEFAULT '' CHECK (length(description) <= 4000),
	prompt      text NOT NULL DEFAULT '' CHECK (length(prompt) <= 32000),
	suggestions text[] NOT NULL DEFAULT '{}',
	row_cap     bigint NOT NULL DEFAULT 500 CHECK (row_cap BETWEEN 1 AND 100000),
	timeout_ms  bigint NOT NULL DEFAULT 15000 CHECK (timeout_ms BETWEEN 100 AND 600000),
	model       text NOT NULL DEFAULT '' CHECK (length(model) <= 200),
	created_at  timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT projects_slug_key UNIQUE (slug)
);

-- Where a project's data is. The password is sealed under QUERN_KEY, bound to "source:ID:password".
-- allowed_tables NULL: every table of the schema that is not excluded.
CREATE TABLE sources (
	id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id      bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
	kind            text NOT NULL DEFAULT 'postgres' CHECK (kind = 'postgres'),
	host            text NOT NULL CHECK (length(host) BETWEEN 1 AND 255),
	port            bigint NOT NULL DEFAULT 5432 CHECK (port BETWEEN 1 AND 65535),
	database        text NOT NULL CHECK (length(database) BETWEEN 1 AND 63),
	username        text NOT NULL CHECK (length(username) BETWEEN 1 AND 63),
	password_sealed bytea,
	sslmode         text NOT NULL DEFAULT 'prefer'
		CHECK (sslmode IN ('disable', 'prefer', 'require', 'verify-ca', 'verify-full')),
	schema          text NOT NULL DEFAULT 'public' CHECK (length(schema) BETWEEN 1 AND 63),
	allowed_tables  text[],
	excluded_tables text[] NOT NULL DEFAULT '{}',
	version         bigint NOT NULL DEFAULT 1,
	updated_at      timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT sources_project_key UNIQUE (project_id)
);

-- Who may do what in a project. Instance admins are project admins everywhere without a row.
-- origin 'header' rows follow the person's single sign-on groups and are rewritten at sign-in.
CREATE TABLE members (
	project_id bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
	user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
	role       text NOT NULL CHECK (role IN ('viewer', 'analyst', 'admin')),
	origin     text NOT NULL DEFAULT 'local' CHECK (origin IN ('local', 'header')),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (project_id, user_id)
);
CREATE INDEX members_user_id ON members (user_id);

-- The data dictionary of a source as generated last (app/catalog describes the JSON).
CREATE TABLE dictionaries (
	project_id   bigint PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
	body         jsonb NOT NULL,
	tables       bigint NOT NULL,
	columns      bigint NOT NULL,
	generated_at timestamptz NOT NULL DEFAULT now(),
	took_ms      bigint NOT NULL
);

-- Conversations of one person in one project.
CREATE TABLE conversations (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
	user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
	title      text NOT NULL CHECK (length(title) <= 200),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now(),
	deleted_at timestamptz
);
CREATE INDEX conversations_list ON conversations (project_id, user_id, updated_at DESC) WHERE deleted_at IS NULL;

-- A turn: one question and the work on its answer. answer grows while it runs (checkpointed); record is what a page
-- shows of a finished turn (steps, queries with a preview of their rows, provenance). One turn runs at a time in a
-- conversation.
CREATE TABLE turns (
	id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	conversation_id bigint NOT NULL REFERENCES conversations ON DELETE CASCADE,
	question        text NOT NULL CHECK (length(question) BETWEEN 1 AND 16000),
	status          text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'failed', 'stopped')),
	answer          text NOT NULL DEFAULT '',
	record          jsonb,
	error           jsonb,
	model           text NOT NULL DEFAULT '',
	input_tokens    bigint NOT NULL DEFAULT 0,
	output_tokens   bigint NOT NULL DEFAULT 0,
	stop_requested  boolean NOT NULL DEFAULT false,
	heartbeat_at    timestamptz NOT NULL DEFAULT now(),
	started_at      timestamptz NOT NULL DEFAULT now(),
	finished_at     timestamptz
);
CREATE INDEX turns_conversation ON turns (conversation_id, id);
CREATE UNIQUE INDEX turns_one_running ON turns (conversation_id) WHERE status = 'running';
CREATE INDEX turns_running ON turns (id) WHERE status = 'running';

-- The durable events of a turn, in order; the stream that a browser sees is a view of them.
CREATE TABLE turn_events (
	turn_id bigint NOT NULL REFERENCES turns ON DELETE CASCADE,
	seq     bigint NOT NULL,
	kind    text NOT NULL,
	body    jsonb NOT NULL,
	at      timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (turn_id, seq)
);

-- Every statement that was sent to a project's database on somebody's behalf, and those that were refused.
-- result holds the rows as they were shown, so that an answer can be reopened with its proof.
CREATE TABLE query_runs (
	id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id      bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
	user_id         bigint REFERENCES users ON DELETE SET NULL,
	conversation_id bigint REFERENCES conversations ON DELETE CASCADE,
	turn_id         bigint REFERENCES turns ON DELETE CASCADE,
	sql_asked       text NOT NULL,
	sql_run         text,
	fingerprint     text,
	tables          text[] NOT NULL DEFAULT '{}',
	outcome         text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed', 'cancelled')),
	error           jsonb,
	rows            bigint NOT NULL DEFAULT 0,
	bytes           bigint NOT NULL DEFAULT 0,
	truncated       boolean NOT NULL DEFAULT false,
	took_us         bigint NOT NULL DEFAULT 0,
	result          jsonb,
	at              timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX query_runs_project ON query_runs (project_id, at DESC);
CREATE INDEX query_runs_turn ON query_runs (turn_id);
CREATE INDEX query_runs_conversation ON query_runs (conversation_id);
CREATE INDEX query_runs_user ON query_runs (user_id);
