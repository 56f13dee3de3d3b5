-- Who may see what of a project's data, what its queries may cost, what came of them, and a trail that shows
-- if it was changed.

-- Groups come from single sign-on, or from an admin for a local account; row filters may ask for them. The time
-- zone is an IANA name, '' until the person chose one: results show their times in it.
ALTER TABLE users
	ADD COLUMN groups    text[] NOT NULL DEFAULT '{}',
	ADD COLUMN time_zone text NOT NULL DEFAULT '' CHECK (length(time_zone) <= 64);

-- What the queries of a project may cost. 0 is no limit, but for cache_seconds, where it is no cache. max_cost is in
-- the planner's units. tells_hidden: people are told that there is something that they may not see.
ALTER TABLE projects
	ADD COLUMN max_cost         bigint NOT NULL DEFAULT 0 CHECK (max_cost >= 0),
	ADD COLUMN cache_seconds    bigint NOT NULL DEFAULT 300 CHECK (cache_seconds BETWEEN 0 AND 604800),
	ADD COLUMN queries_a_minute bigint NOT NULL DEFAULT 60 CHECK (queries_a_minute BETWEEN 0 AND 100000),
	ADD COLUMN queries_at_once  bigint NOT NULL DEFAULT 4 CHECK (queries_at_once BETWEEN 0 AND 1000),
	ADD COLUMN queries_a_day    bigint NOT NULL DEFAULT 0 CHECK (queries_a_day BETWEEN 0 AND 100000000),
	ADD COLUMN export_rows      bigint NOT NULL DEFAULT 100000 CHECK (export_rows BETWEEN 1 AND 1000000),
	ADD COLUMN tells_hidden     boolean NOT NULL DEFAULT true;

-- What a role may not see of one table: the table at all, rows that do not meet an SQL condition, or the values of a
-- column. A filter may use {user.email} and {user.groups}, which are bound, never pasted.
CREATE TABLE policy_rules (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id  bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
	role        text NOT NULL CHECK (role IN ('viewer', 'analyst', 'admin')),
	table_name  text NOT NULL CHECK (length(table_name) BETWEEN 1 AND 63),
	kind        text NOT NULL CHECK (kind IN ('hide', 'filter', 'mask')),
	column_name text NOT NULL DEFAULT '' CHECK ((kind = 'mask') = (column_name <> '') AND length(column_name) <= 63),
	value       text NOT NULL DEFAULT '' CHECK ((kind = 'hide') = (value = '') AND length(value) <= 2000),
	created_at  timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT policy_rules_key UNIQUE (project_id, role, table_name, kind, column_name)
);

-- What a test of the source last found: {"ok","message","hint","server","tables","grave","warnings":[{"text","mend",
-- "sql","grave"}]}, so that admins see a role that can write, or a server with known holes, without asking again. Another
-- host, database or role forgets it.
ALTER TABLE sources
	ADD COLUMN probe    jsonb,
	ADD COLUMN probed_at timestamptz;

-- Queries that people keep. A text may hold {{name}} for values that are asked for when it runs; parameters is
-- [{"name","type","value"}] with what they were last.
CREATE TABLE saved_queries (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id  bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
	user_id     bigint REFERENCES users ON DELETE SET NULL,
	name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
	description text NOT NULL DEFAULT '' CHECK (length(description) <= 4000),
	sql         text NOT NULL CHECK (length(sql) BETWEEN 1 AND 32768),
	parameters  jsonb NOT NULL DEFAULT '[]',
	shared      boolean NOT NULL DEFAULT false,
	created_at  timestamptz NOT NULL DEFAULT now(),
	updated_at  timestamptz NOT NULL DEFAULT now(),
	deleted_at  timestamptz
);
CREATE INDEX saved_queries_project ON saved_queries (project_id, updated_at DESC) WHERE deleted_at IS NULL;

-- cache_key is a digest of all that the rows depend on (statement, values, source, policy, time zone); a run that was
-- answered from another one's rows names it. A run in the background is 'running' until it is over; heartbeat_at tells
-- whether somebody still works on it, stop_asked that it is to end.
ALTER TABLE query_runs
	ADD COLUMN source_id      bigint,
	ADD COLUMN origin         text NOT NULL DEFAULT 'chat' CHECK (origin IN ('chat', 'sql', 'saved', 'export', 'cli', 'data')),
	ADD COLUMN saved_query_id bigint REFERENCES saved_queries ON DELETE SET NULL,
	ADD COLUMN columns        text[] NOT NULL DEFAULT '{}',
	ADD COLUMN knowledge      jsonb NOT NULL DEFAULT '[]',
	ADD COLUMN caveats        jsonb NOT NULL DEFAULT '[]',
	ADD COLUMN plan_cost      double precision,
	ADD COLUMN result_hash    bytea,
	ADD COLUMN cache_key      bytea,
	ADD COLUMN cached_from    bigint REFERENCES query_runs ON DELETE SET NULL,
	ADD COLUMN time_zone      text NOT NULL DEFAULT 'UTC',
	ADD COLUMN background     boolean NOT NULL DEFAULT false,
	ADD COLUMN heartbeat_at   timestamptz,
	ADD COLUMN stop_asked     boolean NOT NULL DEFAULT false,
	DROP CONSTRAINT query_runs_outcome_check,
	ADD CONSTRAINT query_runs_outcome_check
		CHECK (outcome IN ('running', 'done', 'refused', 'failed', 'cancelled'));
CREATE INDEX query_runs_cache ON query_runs (cache_key, at DESC)
	WHERE outcome = 'done' AND cached_from IS NULL AND cache_key IS NOT NULL;
CREATE INDEX query_runs_running ON query_runs (id) WHERE outcome = 'running';

-- The trail is a chain: hash is keyed with a key derived from QUERN_KEY over the row and the hash before it, and seq has
-- no gaps. A row therefore says who somebody was by e-mail, and keeps the number of a person who was removed. What
-- was written before the chain has neither.
ALTER TABLE audit_log
	DROP CONSTRAINT audit_log_user_id_fkey,
	ADD COLUMN email text NOT NULL DEFAULT '',
	ADD COLUMN seq   bigint UNIQUE,
	ADD COLUMN hash  bytea CHECK (length(hash) = 32);
UPDATE audit_log l SET email = u.email FROM users u WHERE u.id = l.user_id;
CREATE INDEX audit_log_action ON audit_log (action, id);
CREATE INDEX audit_log_user ON audit_log (user_id, id);

-- Append-only against accidents; `quern audit verify` finds what was done on purpose.
CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
	FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
	FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();

-- Queries under way, for the limit on how many a person runs at once. A row that outlives its time counts no more,
-- so a worker that died holds no place.
CREATE TABLE query_places (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id bigint NOT NULL,
	user_id    bigint NOT NULL,
	until      timestamptz NOT NULL
);
CREATE INDEX query_places_person ON query_places (user_id, project_id);

-- A counter that many share is kept in parts, so that they do not wait for one row.
ALTER TABLE rate_limits
	ADD COLUMN part bigint NOT NULL DEFAULT 0,
	DROP CONSTRAINT rate_limits_pkey,
	ADD PRIMARY KEY (bucket, window_start, part);

-- Admits one query of a person (0: nobody, only the day counts) in a project and gives its place, or says which limit is
-- full ('day', 'minute', 'at once') with what that one counts now and counted in the window before, and the seconds left
-- of the window. A limit of 0 is none, and counts nothing; a query that is not admitted counts nowhere.
--
-- A lock of the person in the project makes the limits a minute and at once exact. It is plpgsql because each statement in
-- it sees what was committed before it began: counts that are read after the lock was got are those of now. The day is
-- counted in 16 parts without a lock, until a thousand are left: from there the project's lock makes it exact, too. It is
-- passed only by admissions that stand still for as long as it takes to admit that thousand. What is lost of these counts
-- when the server dies does not matter, so nobody waits for the disk: call it as a transaction of its own.
CREATE FUNCTION query_admit(person bigint, project bigint, a_minute bigint, at_once bigint, a_day bigint, hold_ms bigint,
	OUT place bigint, OUT full_limit text, OUT counted bigint, OUT before bigint, OUT left_s double precision)
LANGUAGE plpgsql AS $$
DECLARE
	minute_bucket text := format('query:minute:%s:%s', project, person);
	day_bucket    text := format('query:day:%s', project);
	today         timestamptz := date_trunc('day', clock_timestamp(), 'UTC');
	at            timestamptz;
	this_minute   timestamptz;
BEGIN
	PERFORM set_config('synchronous_commit', 'off', true);
	before := 0;
	IF person = 0 THEN
		a_minute := 0;
		at_once := 0;
	END IF;
	IF a_minute > 0 OR at_once > 0 THEN
		PERFORM pg_advisory_xact_lock(hashtextextended(minute_bucket, 0));
	END IF;

	IF a_day > 0 THEN
		counted := query_day_count(day_bucket, today);
		IF counted < a_day AND counted >= a_day - 1000 THEN
			PERFORM pg_advisory_xact_lock(hashtextextended(day_bucket, 0));
			counted := query_day_count(day_bucket, today);
		END IF;
		IF counted >= a_day THEN
			full_limit := 'day';
			left_s := greatest(extract(epoch FROM today + interval '1 day' - clock_timestamp()), 0);
			RETURN;
		END IF;
	END IF;

	at := clock_timestamp();
	this_minute := date_trunc('minute', at, 'UTC');
	IF a_minute > 0 THEN
		left_s := extract(epoch FROM this_minute + interval '1 minute' - at);
		SELECT coalesce(sum(count) FILTER (WHERE window_start = this_minute), 0),
			coalesce(sum(count) FILTER (WHERE window_start < this_minute), 0)
			INTO counted, before FROM rate_limits
			WHERE bucket = minute_bucket AND window_start >= this_minute - interval '1 minute';
		IF before * left_s / 60 + counted + 1 > a_minute THEN
			full_limit := 'minute';
			RETURN;
		END IF;
	END IF;
	IF at_once > 0 THEN
		DELETE FROM query_places WHERE user_id = person AND project_id = project AND until <= at;
		SELECT count(*) INTO counted FROM query_places WHERE user_id = person AND project_id = project;
		IF counted >= at_once THEN
			full_limit := 'at once';
			left_s := 0;
			RETURN;
		END IF;
		INSERT INTO query_places (project_id, user_id, until)
			VALUES (project, person, at + hold_ms * interval '1 millisecond') RETURNING id INTO place;
	END IF;

	IF a_minute > 0 THEN
		INSERT INTO rate_limits AS r (bucket, window_start, count) VALUES (minute_bucket, this_minute, 1)
			ON CONFLICT (bucket, window_start, part) DO UPDATE SET count = r.count + 1;
	END IF;
	IF a_day > 0 THEN
		INSERT INTO rate_limits AS r (bucket, window_start, count, part)
			VALUES (day_bucket, today, 1, floor(random() * 16))
			ON CONFLICT (bucket, window_start, part) DO UPDATE SET count = r.count + 1;
	END IF;
END
$$;
CREATE FUNCTION query_day_count(day_bucket text, today timestamptz) RETURNS bigint LANGUAGE sql AS
	'SELECT coalesce(sum(count), 0)::bigint FROM rate_limits WHERE bucket = day_bucket AND window_start = today';

-- Gives the place back. As above, nobody waits for the disk.
CREATE FUNCTION query_leave(place bigint) RETURNS void LANGUAGE sql AS $$
	SELECT set_config('synchronous_commit', 'off', true);
	DELETE FROM query_places WHERE id = place;
$$;
