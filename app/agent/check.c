/*
 * The check of each result: some caveats are worth a second look at the query before anything is answered. The model is
 * told so with the result, once for each kind in a turn: what it then makes of it is its own judgement.
 */
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"

static const struct {
	const char *code;
	const char *people;
	const char *model;
} checks[] = {
        {"fan_out", "rows may be counted more than once",
         "Look at the joins before you answer. Unless each joined row is meant to count, add up before joining, or"
         " count DISTINCT, and run the corrected query."},
        {"no_rows", "it has no rows",
         "Look at the conditions before you answer: the spelling of values, the period, the table that holds it."
         " If they are right, say that nothing was found, and for which conditions."},
        {"all_null", "it has no values",
         "Look at the columns and conditions before you answer: the wrong column, a join that finds nothing, a"
         " period without data."},
};

const char *agent_check(struct tool_env *env, const struct query_result *q, const char **doubt)
{
	struct buf b = buf_init(env->ctx->a, BUF_PAGE);

	for (size_t i = 0; i < q->ncaveats; i++)
		for (size_t k = 0; k < sizeof(checks) / sizeof(*checks); k++) {
			if (strcmp(checks[k].code, q->caveats[i].code) != 0 ||
			    atomic_fetch_or(env->checked, 1U << k) >> k & 1)
				continue;
			*doubt = checks[k].people;
			buf_printf(&b, "%s%s", b.n ? " " : "", checks[k].model);
		}
	return b.n ? buf_cstr(&b) : NULL;
}

void agent_caveats_put(struct json_writer *w, const struct query_caveat *caveats, size_t n)
{
	if (!n)
		return;
	json_array_open(w, "caveats");
	for (size_t i = 0; i < n; i++) {
		json_object_open(w, NULL);
		json_put_cstr(w, "code", caveats[i].code);
		json_put_cstr(w, "text", caveats[i].text);
		json_object_close(w);
	}
	json_array_close(w);
}
