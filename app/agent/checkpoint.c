/*
 * The text of running turns, stored about once a second so that whoever comes to watch from another process sees it.
 * The thread that looks after turns does it for all of them, many in one statement: no stream ever waits for the
 * database. A stored text says behind which event it stands, so an old one is never taken for a new one.
 */
#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

/* Asked each second, so what is less than that is each time. */
enum { EACH_US = 500 * 1000, MORE_US = 4000, AT_ONCE = 64 };

DB_STMT(agent_checkpoint_store,
        "INSERT INTO turn_texts (turn_id, after, text)"
        " SELECT v.id, v.after, v.text FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])"
        " v (id, fence, after, text) JOIN turns t ON t.id = v.id AND t.fence = v.fence AND t.status = 'running'"
        " ON CONFLICT (turn_id) DO UPDATE SET after = excluded.after, text = excluded.text",
        DB_TEXTS, DB_TEXTS, DB_TEXTS, DB_TEXTS);

void agent_text_add(struct agent_run *r, struct str text)
{
	pthread_mutex_lock(&r->text_lock);
	buf_add_str(&r->text, text);
	pthread_mutex_unlock(&r->text_lock);
}

void agent_text_clear(struct agent_run *r)
{
	pthread_mutex_lock(&r->text_lock);
	arena_free(r->text.a);
	r->text = buf_init(arena_create(), AGENT_TEXT_BYTES);
	pthread_mutex_unlock(&r->text_lock);
}

/* With many turns under way each stores its text less often. */
bool agent_text_due(struct arena *a, struct agent_run *r, struct agent_text *out)
{
	int64_t now = clock_mono_us();
	bool due;

	if (now - r->checkpoint_us < EACH_US + agent_live_count() * MORE_US)
		return false;
	pthread_mutex_lock(&r->text_lock);
	due = r->text.n > r->checkpoint_bytes;
	if (due) {
		*out = (struct agent_text){r->live.turn_id, r->live.fence, r->seq, str_dup(a, buf_str(&r->text))};
		r->checkpoint_bytes = r->text.n;
		r->checkpoint_us = now;
	}
	pthread_mutex_unlock(&r->text_lock);
	return due;
}

static const char *digits(struct arena *a, int64_t n)
{
	return arena_printf(a, "%lld", (long long)n);
}

static struct err *store(struct ctx *ctx, const struct agent_text *texts, size_t n)
{
	const char *ids[AT_ONCE], *fences[AT_ONCE], *after[AT_ONCE], *what[AT_ONCE];

	for (size_t i = 0; i < n; i++) {
		ids[i] = digits(ctx->a, texts[i].turn_id);
		fences[i] = digits(ctx->a, texts[i].fence);
		after[i] = digits(ctx->a, texts[i].after);
		what[i] = texts[i].text;
	}
	return db_run(ctx, &agent_checkpoint_store,
	              DB_ARGS(db_texts(ids, n), db_texts(fences, n), db_texts(after, n), db_texts(what, n)), NULL);
}

/* What could not be stored is made up for by the next time. */
struct err *agent_checkpoint(struct ctx *ctx)
{
	struct agent_text texts[AT_ONCE];
	struct err *e = NULL;
	size_t n = AT_ONCE;

	while (!e && n == AT_ONCE) {
		struct arena_mark mark = arena_mark(ctx->a);

		n = agent_live_texts(ctx->a, texts, AT_ONCE);
		if (n)
			e = store(ctx, texts, n);
		if (!e)
			arena_reset(ctx->a, mark);
	}
	return e;
}
