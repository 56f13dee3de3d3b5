-- What people and the agent make of answers and keep: charts, small apps, pages, texts; and the links by which others see
-- them.

-- Belongs to the person who made it; visible 'project' shows it to all members in the gallery. Version n is the newest.
CREATE TABLE artifacts (
	id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id      bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
	user_id         bigint NOT NULL REFERENCES users ON DELETE CASCADE,
	conversation_id bigint REFERENCES conversations ON DELETE SET NULL,
	turn_id         bigint REFERENCES turns ON DELETE SET NULL,
	title           text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
	type            text NOT NULL CHECK (type IN ('react', 'html', 'markdown', 'svg', 'plotly', 'echarts')),
	visible         text NOT NULL DEFAULT 'own' CHECK (visible IN ('own', 'project')),
	n               bigint NOT NULL DEFAULT 1,
	created_at      timestamptz NOT NULL DEFAULT now(),
	updated_at      timestamptz NOT NULL DEFAULT now(),
	deleted_at      timestamptz
);
CREATE INDEX artifacts_project ON artifacts (project_id, updated_at DESC) WHERE deleted_at IS NULL;
CREATE INDEX artifacts_conversation ON artifacts (conversation_id);
CREATE INDEX artifacts_turn ON artifacts (turn_id);
CREATE INDEX artifacts_user ON artifacts (user_id);

ALTER TABLE query_runs
	DROP CONSTRAINT query_runs_origin_check,
	ADD CONSTRAINT query_runs_origin_check CHECK (origin IN ('chat', 'sql', 'saved', 'export', 'cli', 'data', 'artifact'));

-- A version is never changed. code is what the frame runs; sources are the statements behind its data:
-- [{"name":"sales","sql":"SELECT ...","run_id":7}], run again for whoever looks, under their own rules. data is small
-- data that came with the code and is no query's. form is what the form of a chart was filled in with, so that it can be
-- opened again. note says what changed.
CREATE TABLE artifact_versions (
	artifact_id bigint NOT NULL REFERENCES artifacts ON DELETE CASCADE,
	n           bigint NOT NULL,
	user_id     bigint REFERENCES users ON DELETE SET NULL,
	turn_id     bigint REFERENCES turns ON DELETE SET NULL,
	code        text NOT NULL CHECK (length(code) <= 524288),
	sources     jsonb NOT NULL DEFAULT '[]',
	data        jsonb,
	form        jsonb,
	note        text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
	created_at  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (artifact_id, n)
);
CREATE INDEX artifact_versions_turn ON artifact_versions (turn_id);
CREATE INDEX artifact_versions_user ON artifact_versions (user_id);

-- A version that failed in the browser of its owner, and the turn that was asked to repair it: once for each version.
CREATE TABLE artifact_repairs (
	artifact_id bigint NOT NULL REFERENCES artifacts ON DELETE CASCADE,
	n           bigint NOT NULL,
	turn_id     bigint REFERENCES turns ON DELETE CASCADE,
	at          timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (artifact_id, n)
);
CREATE INDEX artifact_repairs_turn ON artifact_repairs (turn_id);

-- A link. The token itself is kept nowhere. version NULL is the newest. Frozen data is what its maker saw when the link was
-- made, of frozen_version; the newest version is then the last that asks for no other data. Live data is asked for as the
-- person who looks, so only people who are signed in see it. Of a link that ended, frozen is emptied. embed_origins are the sites that may show it in a frame.
CREATE TABLE artifact_links (
	id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	artifact_id   bigint NOT NULL REFERENCES artifacts ON DELETE CASCADE,
	user_id       bigint NOT NULL REFERENCES users ON DELETE CASCADE,
	token_hash    bytea NOT NULL CHECK (length(token_hash) = 32),
	audience      text NOT NULL CHECK (audience IN ('public', 'project', 'people')),
	people        text[] NOT NULL DEFAULT '{}', -- e-mails, of 'people'
	version       bigint,
	frozen        jsonb,
	frozen_at     timestamptz,
	frozen_version bigint,
	password_hash text,
	embed_origins text[] NOT NULL DEFAULT '{}',
	expires_at    timestamptz,
	revoked_at    timestamptz,
	views         bigint NOT NULL DEFAULT 0,
	viewed_at     timestamptz,
	created_at    timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT artifact_links_token UNIQUE (token_hash),
	CHECK (audience <> 'public' OR frozen IS NOT NULL),
	CHECK ((frozen IS NULL) = (frozen_version IS NULL))
);
CREATE INDEX artifact_links_artifact ON artifact_links (artifact_id);
CREATE INDEX artifact_links_user ON artifact_links (user_id);

-- Who has been counted: a keyed digest of link, day, address and browser, kept for two days.
CREATE UNLOGGED TABLE artifact_views (
	visitor bytea PRIMARY KEY,
	at      timestamptz NOT NULL DEFAULT now()
);

-- Pictures and PDF files, made by a browser in a sandbox, few at once. page is what it opens; it goes when the file is there. A running one
-- whose worker is no more is taken up by another one.
CREATE TABLE artifact_exports (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	artifact_id bigint NOT NULL REFERENCES artifacts ON DELETE CASCADE,
	user_id     bigint NOT NULL REFERENCES users ON DELETE CASCADE,
	version     bigint NOT NULL,
	format      text NOT NULL CHECK (format IN ('png', 'pdf')),
	state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
	page        bytea,
	file        bytea,
	error       text,
	worker_id   bigint, -- need not be there any more
	tries       bigint NOT NULL DEFAULT 0,
	created_at  timestamptz NOT NULL DEFAULT now(),
	taken_at    timestamptz,
	finished_at timestamptz
);
-- Neither can be made smaller: pages hold what is packed already, or are there for seconds.
ALTER TABLE artifact_exports ALTER COLUMN page SET STORAGE EXTERNAL, ALTER COLUMN file SET STORAGE EXTERNAL;
CREATE INDEX artifact_exports_finished ON artifact_exports (finished_at);
CREATE INDEX artifact_exports_open ON artifact_exports (id) WHERE state IN ('queued', 'running');
CREATE INDEX artifact_exports_artifact ON artifact_exports (artifact_id);
CREATE INDEX artifact_exports_user ON artifact_exports (user_id);
