/* What comes in: the path tells the format, and the format's checks what the real provider would say to it. */
#include "lib/arena.h"
#include "provider.h"

static bool ends(struct str path, struct str end)
{
	path = str_chop(&path, '?');
	return str_ends(path, end);
}

struct refused question_read(struct arena *a, const struct http_in *in, struct question *out)
{
	struct check c = {.a = a, .q = out};
	struct refused r;
	const char *why;

	*out = (struct question){.text = "", .result = "", .bytes = in->body.n};
	out->format = ends(in->path, STR("/chat/completions")) ? &format_openai : &format_anthropic;
	r = out->format->head(in);
	if (r.status)
		return r;
	if (!str_starts(in->type, STR("application/json")))
		return (struct refused){400, "invalid_request_error",
		                        "content-type must be application/json"};
	if (json_read(a, in->body, JSON_DEPTH, &out->body) ||
	    !json_object_is_type(out->body, json_type_object))
		return (struct refused){400, "invalid_request_error", "The request body is not valid JSON"};
	why = out->format->check(&c, out->body);
	if (why)
		return (struct refused){400, "invalid_request_error", why};
	out->model = json_get_str(out->body, "model");
	out->stream = json_get_bool(out->body, "stream", false);
	if (str_starts(str_of(out->model), STR("unknown")))
		return (struct refused){404, "not_found_error", arena_printf(a, "model: %s", out->model)};
	return (struct refused){0};
}
