/* ask_user: a question back, with answers to choose from. The turn waits for one, however long that takes. */
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"

static const char *question_of(struct arena *a, struct json_object *args)
{
	struct json_object *options = json_get_array(args, "options");
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "question", json_get_str(args, "question"));
	json_array_open(&w, "options");
	for (size_t i = 0; i < json_length(options); i++)
		json_put_cstr(&w, NULL, json_object_get_string(json_object_array_get_idx(options, i)));
	json_array_close(&w);
	json_object_close(&w);
	return buf_cstr(&b);
}

static struct err *run(struct tool_env *env, struct json_object *args, struct tool_result *out)
{
	struct arena *a = env->ctx->a;

	if (env->answered) {
		out->text = str_of(arena_printf(a, "The person answered: %s", env->answered->answer));
		out->detail = env->answered->answer;
		return NULL;
	}
	out->wait = ARENA_NEW(a, struct agent_wait);
	*out->wait = (struct agent_wait){.kind = "clarification", .json = question_of(a, args)};
	return NULL;
}

const struct tool tool_ask_user = {
        "ask_user",
        "Asking back",
        "Asks the person one question and waits for the answer. Only when the readings of the question differ so much that"
        " a wrong one would mislead, and nothing else tells which is meant; otherwise choose the likeliest and say so.",
        "{\"type\":\"object\",\"properties\":{\"question\":{\"type\":\"string\",\"minLength\":3,\"maxLength\":300},"
        "\"options\":{\"type\":\"array\",\"minItems\":2,\"maxItems\":5,\"items\":{\"type\":\"string\",\"minLength\":1,"
        "\"maxLength\":120},\"description\":\"Answers to choose from; the person may also write another one.\"}},"
        "\"required\":[\"question\",\"options\"],\"additionalProperties\":false}",
        TOOL_WAITS,
        run,
};
