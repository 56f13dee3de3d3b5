/* What a turn waits for, as people are asked for it. The form is script's: an answer is a word to a turn under way. */
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "web/web_priv.h"

struct option {
	const char *text;
};
static const struct view option_view = VIEW(struct option, VIEW_STR(struct option, text));

struct web_wait {
	const char *kind;
	const char *call;
	const char *question;
	struct option *options;
	size_t noptions;
	bool approval;
	const char *summary;
	const char *sql;
	const char *sql_html;
	const char *hash;
	int64_t run_id;
};

const struct view web_wait_view =
        VIEW(struct web_wait, VIEW_STR(struct web_wait, kind), VIEW_STR(struct web_wait, call),
             VIEW_STR(struct web_wait, question), VIEW_LIST(struct web_wait, options, noptions, &option_view),
             VIEW_BOOL(struct web_wait, approval), VIEW_STR(struct web_wait, summary),
             VIEW_STR(struct web_wait, sql), VIEW_HTML(struct web_wait, sql_html),
             VIEW_STR(struct web_wait, hash), VIEW_I64(struct web_wait, run_id));

static void fill_options(struct arena *a, struct json_object *list, struct web_wait *w)
{
	w->noptions = json_length(list);
	w->options = ARENA_ARRAY(a, struct option, w->noptions);
	for (size_t i = 0; i < w->noptions; i++)
		w->options[i].text = json_object_get_string(json_object_array_get_idx(list, i));
}

struct web_wait *web_wait(struct arena *a, const struct agent_turn *t)
{
	struct json_object *o = NULL;

	if (!t->waits_for)
		return NULL;
	struct web_wait *w = ARENA_NEW(a, struct web_wait);
	w->kind = t->waits_for;
	if (!t->wait || json_read(a, str_of(t->wait), JSON_DEPTH, &o))
		return w;
	w->call = json_get_str(o, "id");
	w->question = json_get_str(o, "question");
	w->approval = !strcmp(t->waits_for, "approval");
	w->summary = json_get_str(o, "summary");
	w->hash = json_get_str(o, "hash");
	w->sql = json_get_str(o, "sql");
	if (w->sql)
		w->sql_html = web_sql_html(a, w->sql);
	w->run_id = json_get_i64(o, "run_id", 0);
	fill_options(a, json_get_array(o, "options"), w);
	return w;
}

const char *web_wait_words(const struct agent_turn *t)
{
	static const char *const words[][2] = {
	        {"clarification", "Waiting for your answer"},
	        {"approval", "Waiting for your yes or no"},
	        {"run", "Waiting for a query in the background"},
	};

	for (size_t i = 0; t->waits_for && i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(t->waits_for, words[i][0]))
			return words[i][1];
	return NULL;
}
