/*
 * JSON as providers send it. Well-formed text is read as it is; where that fails, what may have broken it is replaced
 * and it is read again, so that a stray byte costs a character and not a turn.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "llm/llm_priv.h"

#define REPLACEMENT STR("\xef\xbf\xbd")

/* How many bytes at the start of s one replacement stands for: as many as could begin a sequence. */
static size_t broken_length(struct str s)
{
	char whole[4];

	for (size_t n = s.n < 3 ? s.n : 3; n > 1; n--) {
		memset(whole, 0x80, sizeof(whole));
		memcpy(whole, s.p, n);
		if (str_utf8_step((struct str){whole, sizeof(whole)}) > n)
			return n;
	}
	return 1;
}

/* How many bytes at the start of s go together; *as: what becomes of them, its p NULL where they may stay. */
static size_t look(struct str s, struct str *as)
{
	*as = REPLACEMENT;
	if (*s.p == '\0')
		return 1;
	if (str_starts(s, STR("\\u0000")))
		return 6;
	if (!str_utf8_step(s))
		return broken_length(s);
	*as = (unsigned char)*s.p < ' ' ? STR(" ") : (struct str){NULL, 0};
	/* An escaped backslash does not begin the escape of what follows it. */
	return str_starts(s, STR("\\\\")) ? 2 : str_utf8_step(s);
}

struct str llm_clean(struct arena *a, struct str json)
{
	struct buf b = buf_init(a, json.n * 3 + 8);
	struct str as;

	while (json.n) {
		size_t n = look(json, &as);

		buf_add_str(&b, as.p ? as : (struct str){json.p, n});
		json = (struct str){json.p + n, json.n - n};
	}
	return buf_str(&b);
}

struct err *llm_json_read(struct llm_stream *s, struct str text, struct json_object **out)
{
	if (!json_read(s->scratch, text, JSON_DEPTH, out) ||
	    !json_read(s->scratch, llm_clean(s->scratch, text), JSON_DEPTH, out))
		return NULL;
	s->retry = true;
	return llm_refused(s, ERR_PROVIDER, "stream_broken",
	                   "the model provider sent an event that is not JSON", NULL);
}

struct str llm_sound_input(struct arena *a, struct str input)
{
	struct json_object *o = NULL;

	if (json_read(a, input, JSON_DEPTH, &o) || !json_object_is_type(o, json_type_object))
		return STR("{}");
	return input;
}
