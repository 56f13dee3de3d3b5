/*
 * The text of running turns, stored now and then so that whoever comes to watch sees it. The thread that looks
 * after turns does it for all of them, many in one statement: no stream ever waits for the database. A turn's
 * row is written by one at a time, so that a text that has become a message is not stored once more after it.
 */
#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

enum { EACH_US = 2 * 1000 * 1000, MORE_US = 4000, AT_ONCE = 64 };

/* Lost with the server's last moments it does no harm: nobody waits for the disk. */
DB_STMT(agent_checkpoint_store,
        "UPDATE turns SET answer = v.answer, heartbeat_at = now()"
        " FROM unnest($1::bigint[], $2::text[]) v (id, answer),"
        " (SELECT set_config('synchronous_commit', 'off', true)) quick"
        " WHERE turns.id = v.id AND status = 'running'",
        DB_TEXTS, DB_TEXTS);

void agent_text_add(struct agent_run *r, struct str text)
{
	pthread_mutex_lock(&r->text_lock);
	buf_add_str(&r->text, text);
	pthread_mutex_unlock(&r->text_lock);
}

void agent_text_unstored(struct agent_run *r)
{
	pthread_mutex_lock(&r->text_lock);
	r->checkpoint_bytes = 0;
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
bool agent_checkpoint_due(struct agent_run *r)
{
	bool more;

	pthread_mutex_lock(&r->text_lock);
	more = r->text.n > r->checkpoint_bytes;
	pthread_mutex_unlock(&r->text_lock);
	return more && clock_mono_us() - r->checkpoint_us >= EACH_US + agent_live_count() * MORE_US;
}

static const char *take_text(struct arena *a, struct agent_run *r)
{
	const char *text;

	pthread_mutex_lock(&r->text_lock);
	text = str_dup(a, buf_str(&r->text));
	r->checkpoint_bytes = r->text.n;
	pthread_mutex_unlock(&r->text_lock);
	r->checkpoint_us = clock_mono_us();
	return text;
}

static struct err *store(struct ctx *ctx, struct agent_run *const *runs, size_t n)
{
	const char *ids[AT_ONCE], *texts[AT_ONCE];

	for (size_t i = 0; i < n; i++) {
		ids[i] = arena_printf(ctx->a, "%lld", (long long)runs[i]->live.turn_id);
		texts[i] = take_text(ctx->a, runs[i]);
	}
	return db_run(ctx, &agent_checkpoint_store, DB_ARGS(db_texts(ids, n), db_texts(texts, n)), NULL);
}

/* What could not be stored is made up for by the next time. */
struct err *agent_checkpoint(struct ctx *ctx)
{
	struct agent_run *runs[AT_ONCE];
	struct err *e = NULL;
	size_t n = AT_ONCE;

	while (!e && n == AT_ONCE) {
		struct arena_mark mark = arena_mark(ctx->a);

		n = agent_live_due(runs, AT_ONCE);
		if (n)
			e = store(ctx, runs, n);
		agent_live_release(runs, n);
		if (!e)
			arena_reset(ctx->a, mark);
	}
	return e;
}
