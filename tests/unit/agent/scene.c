#include "agent/scene.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "llm/llm.h"
#include "support/pg.h"
#include "unit.h"

static const char shop[] =
        "CREATE SCHEMA shop;"
        "CREATE TABLE shop.customers (id integer PRIMARY KEY, name text NOT NULL);"
        "INSERT INTO shop.customers SELECT n, 'Customer ' || n FROM generate_series(1, 3) n;"
        "CREATE TABLE shop.orders (id integer PRIMARY KEY, customer_id integer REFERENCES shop.customers,"
        " total numeric(10,2));"
        "INSERT INTO shop.orders SELECT n, n % 3 + 1, n * 10 FROM generate_series(1, 10) n;"
        "CREATE TABLE shop.salaries (amount integer);"
        "INSERT INTO shop.salaries VALUES (99999);"
        "COMMENT ON TABLE shop.orders IS 'What | was *bought*.';"
        "DO $$ BEGIN CREATE ROLE agent_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        "GRANT USAGE ON SCHEMA shop TO agent_reader; GRANT SELECT"
        " ON shop.customers, shop.orders TO agent_reader;"
        "ANALYZE shop.customers, shop.orders;"
        "INSERT INTO users (email, origin, is_admin) VALUES ('ann@example.com', 'header', true),"
        " ('bob@example.com', 'header', false)";

static void make_project(struct scene *s)
{
	static const char *excluded[] = {"salaries"};
	struct project_source source = {0};

	assert_ok(project_source_parse(s->ctx.a, pg_url(), &source));
	source.username = "agent_reader";
	source.schema = "shop";
	source.excluded = (struct db_texts){excluded, 1};
	s->project = project_new();
	s->project.slug = "shop";
	s->project.name = "Shop";
	s->project.prompt = "Totals are in euros.";
	s->project.timeout_ms = 10000;
	assert_ok(project_create(&s->ctx, &s->project, &source));
	assert_ok(project_by_slug(&s->ctx, "shop", &s->project));
}

struct scene *scene_make(const char *provider)
{
	static const unsigned char key[32] = "a key for tests, not a secret..";
	struct ctx *ctx = pg_ctx();
	struct scene *s = ARENA_NEW(ctx->a, struct scene);

	log_set_level(LOG_ERROR);
	llm_init();
	query_close();
	pg_exec(shop);
	s->ctx = *ctx;
	s->settings = *ctx->settings;
	s->settings.key = key;
	s->settings.llm_provider = "anthropic";
	s->settings.llm_url = provider ? provider : "http://127.0.0.1:1";
	s->settings.llm_key = provider ? "k" : "";
	s->settings.llm_model = "claude-test";
	s->settings.llm_max_tokens = 1000;
	s->settings.llm_context = 64000;
	s->settings.turn_steps = 12;
	s->settings.turn_seconds = 60;
	s->ctx.settings = &s->settings;
	s->ctx.user_id = 1;
	make_project(s);
	assert_ok(agent_conversation_create(&s->ctx, s->project.id, "First", &s->conversation_id));
	return s;
}

static void on_event(void *arg, int64_t id, const char *kind, struct str json)
{
	struct scene_heard *h = arg;

	(void)json;
	buf_printf(h->lines, "%lld %s\n", (long long)id, kind);
	h->last = id;
}

static void on_delta(void *arg, struct str text)
{
	struct scene_heard *h = arg;

	buf_printf(h->lines, "delta %.*s\n", STR_ARG(text));
}

struct agent_sink scene_sink(struct scene *s, struct scene_heard *heard)
{
	heard->lines = ARENA_NEW(s->ctx.a, struct buf);
	*heard->lines = buf_init(s->ctx.a, BUF_PAGE);
	return (struct agent_sink){.event = on_event, .delta = on_delta, .arg = heard};
}

struct agent_turn scene_ask(struct scene *s, enum project_role role, const char *question,
                            struct scene_heard *heard)
{
	struct scene_heard own;
	struct agent_sink sink = scene_sink(s, heard ? heard : &own);
	struct agent_turn turn;
	int64_t id;

	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, str_of(question), &id));
	assert_ok(agent_turn_run(&s->ctx, &s->project, role, "", id, &sink));
	assert_ok(agent_turn_get(&s->ctx, id, &turn));
	return turn;
}
