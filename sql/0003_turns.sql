-- Turns that outlive the process that works on them: who holds them, what they have done step by step, and what they
-- wait for; the model of each project; and what people do with conversations.

-- A process that works on turns. It holds those that name it for as long as alive_until lies in the future; a turn whose
-- worker is gone is taken up by another one. place tells processes that can see each other's death apart from others.
CREATE TABLE workers (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	place       text NOT NULL,
	pid         bigint NOT NULL,
	alive_until timestamptz NOT NULL,
	started_at  timestamptz NOT NULL DEFAULT now()
);

-- fence grows whenever a turn changes hands; every write of a turn carries it, so that a worker that lost the turn without
-- knowing it can write nothing more. A turn that waits ('clarification', 'approval', 'run') is held by nobody; wait says
-- for what: {"n","id","question","options":[...]}, {"n","id","tool","sql","hash"}, {"n","id","run_id"}.
-- tries counts how often it was taken up since it had done as many steps as tried_steps; one that ends its worker each time
-- is known by that. taken_at is when it last changed hands.
-- A conversation branches: parent_id is the turn that this one follows. cost is in millionths of the project's currency.
ALTER TABLE turns
	ADD COLUMN worker_id      bigint, -- need not be there any more
	ADD COLUMN fence          bigint NOT NULL DEFAULT 0,
	ADD COLUMN tries          bigint NOT NULL DEFAULT 0,
	ADD COLUMN tried_steps    bigint NOT NULL DEFAULT 0,
	ADD COLUMN taken_at       timestamptz NOT NULL DEFAULT now(),
	ADD COLUMN waits_for      text CHECK (waits_for IN ('clarification', 'approval', 'run')),
	ADD COLUMN wait           jsonb,
	ADD COLUMN waits_run_id   bigint,
	ADD COLUMN parent_id      bigint REFERENCES turns ON DELETE CASCADE,
	ADD COLUMN cached_tokens  bigint NOT NULL DEFAULT 0,
	ADD COLUMN cost           bigint NOT NULL DEFAULT 0,
	DROP COLUMN heartbeat_at,
	DROP CONSTRAINT turns_status_check,
	ADD CONSTRAINT turns_status_check CHECK (status IN ('running', 'waiting', 'done', 'failed', 'stopped')),
	ADD CONSTRAINT turns_wait_check CHECK ((status = 'waiting') = (waits_for IS NOT NULL));
DROP INDEX turns_one_running;
CREATE UNIQUE INDEX turns_one_running ON turns (conversation_id) WHERE status IN ('running', 'waiting');
DROP INDEX turns_running;
CREATE INDEX turns_running ON turns (worker_id, id) WHERE status = 'running';
CREATE INDEX turns_waits_run ON turns (waits_run_id) WHERE status = 'waiting';
CREATE INDEX turns_parent ON turns (parent_id);
CREATE INDEX turns_siblings ON turns (conversation_id, coalesce(parent_id, 0), id);
UPDATE turns t SET parent_id = p.id
	FROM (SELECT id, lag(id) OVER (PARTITION BY conversation_id ORDER BY id) AS before FROM turns) p0
	JOIN turns p ON p.id = p0.before WHERE p0.id = t.id;

-- What a turn has done, so that any worker can go on behind it: one row for each reply of the model and each result of a
-- tool, in order (app/agent/step.c describes the JSON). call_id is that of a tool's result.
CREATE TABLE turn_steps (
	turn_id bigint NOT NULL REFERENCES turns ON DELETE CASCADE,
	n       bigint NOT NULL,
	kind    text NOT NULL,
	call_id text,
	body    jsonb NOT NULL,
	at      timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (turn_id, n)
);

-- The text of the step under way, about once a second, for whoever comes to watch. It is not logged: a server that dies
-- loses it, and the worker, which still has it, stores it again.
CREATE UNLOGGED TABLE turn_texts (
	turn_id bigint PRIMARY KEY,
	after   bigint NOT NULL, -- the number of the event behind which it stands
	text    text NOT NULL
);

-- What a tool has changed, once for each call of a turn, in the transaction that changed it.
CREATE TABLE turn_effects (
	turn_id bigint NOT NULL REFERENCES turns ON DELETE CASCADE,
	call_id text NOT NULL,
	result  jsonb NOT NULL,
	at      timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (turn_id, call_id)
);

-- Words of a text, for finding conversations: whatever is not a letter or a digit parts them, so that "2,500" and
-- "order_items" are found by their parts. Texts are cut where an index entry might become too large.
CREATE FUNCTION search_words(text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN to_tsvector('simple'::regconfig, translate(left($1, 100000), $$!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~$$, repeat(' ', 32)));
CREATE INDEX turns_words ON turns USING gin (search_words(question || ' ' || answer));

-- What people think of an answer, for curation.
CREATE TABLE turn_feedback (
	turn_id bigint NOT NULL REFERENCES turns ON DELETE CASCADE,
	user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
	good    boolean NOT NULL,
	reason  text NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
	at      timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (turn_id, user_id)
);
CREATE INDEX turn_feedback_user ON turn_feedback (user_id);

-- What was learnt about a project's data: offered by a model or by a correction that worked, and used in prompts once a
-- person has kept it.
CREATE TABLE learnings (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
	turn_id    bigint REFERENCES turns ON DELETE SET NULL,
	user_id    bigint REFERENCES users ON DELETE SET NULL,
	origin     text NOT NULL CHECK (origin IN ('model', 'correction')),
	state      text NOT NULL DEFAULT 'offered' CHECK (state IN ('offered', 'kept', 'dismissed')),
	tables     text[] NOT NULL DEFAULT '{}',
	text       text NOT NULL CHECK (length(text) BETWEEN 1 AND 1000),
	decided_by bigint REFERENCES users ON DELETE SET NULL,
	decided_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX learnings_project ON learnings (project_id, state, id);
CREATE INDEX learnings_turn ON learnings (turn_id);

-- pinned_at: on top of the list. seen_at: when its person last looked; what finished since is unread. leaf_id is the end
-- of the branch that is shown.
ALTER TABLE conversations
	ADD COLUMN pinned_at timestamptz,
	ADD COLUMN seen_at   timestamptz NOT NULL DEFAULT now(),
	ADD COLUMN leaf_id   bigint REFERENCES turns ON DELETE SET NULL;
UPDATE conversations c SET leaf_id = (SELECT max(id) FROM turns t WHERE t.conversation_id = c.id);

-- The model of a project: place 1 is asked first, place 2 when that one fails. Without a row for place 1 the instance's
-- settings hold; a format of '' is the instance's provider with its address and key, and a model of '' its model, too.
-- The key is sealed under QUERN_KEY, bound to "model:PROJECT:PLACE:key"; NULL is none. Prices are in millionths of the
-- project's currency for a million tokens.
CREATE TABLE project_models (
	project_id   bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
	place        bigint NOT NULL CHECK (place IN (1, 2)),
	format       text NOT NULL CHECK (format IN ('', 'anthropic', 'openai')),
	url          text NOT NULL CHECK (length(url) <= 500),
	model        text NOT NULL CHECK (length(model) <= 200),
	key_sealed   bytea,
	price_in     bigint NOT NULL DEFAULT 0 CHECK (price_in >= 0),
	price_cached bigint NOT NULL DEFAULT 0 CHECK (price_cached >= 0),
	price_out    bigint NOT NULL DEFAULT 0 CHECK (price_out >= 0),
	updated_at   timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (project_id, place),
	CHECK ((format = '') = (url = '')),
	CHECK (format = '' OR model <> ''),
	CHECK (format <> '' OR key_sealed IS NULL)
);
INSERT INTO project_models (project_id, place, format, url, model)
	SELECT id, 1, '', '', model FROM projects WHERE model <> '';
ALTER TABLE projects DROP COLUMN model;

-- For what was used in a month.
CREATE INDEX turns_started ON turns (started_at);

-- Limits of one turn; 0 is the instance's for the first two, and none for tokens and cost.
ALTER TABLE projects
	ADD COLUMN turn_steps   bigint NOT NULL DEFAULT 0 CHECK (turn_steps BETWEEN 0 AND 100),
	ADD COLUMN turn_seconds bigint NOT NULL DEFAULT 0 CHECK (turn_seconds BETWEEN 0 AND 3600),
	ADD COLUMN turn_tokens  bigint NOT NULL DEFAULT 0 CHECK (turn_tokens BETWEEN 0 AND 100000000),
	ADD COLUMN turn_cost    bigint NOT NULL DEFAULT 0 CHECK (turn_cost >= 0),
	ADD COLUMN currency     text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$');
