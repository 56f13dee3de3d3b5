/*
 * Every recording of real traffic below streams/, as its bytes came and in other dresses and chunkings, against a
 * second reading of it (oracle.h); then cut short and damaged.
 */
#include <dirent.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "oracle.h"
#include "play.h"
#include "unit.h"

/* Walking. ---------------------------------------------------------------------------------------------- */

struct found {
	size_t streams[2], wholes[2], refusals; /* by format */
	void (*on_stream)(struct arena *a, const char *path, struct str bytes);
	void (*on_whole)(struct arena *a, const char *path, struct json_object *o);
	void (*on_refusal)(struct arena *a, const char *path, struct json_object *o);
};

static bool ends(const char *path, const char *end)
{
	return str_ends(str_of(path), str_of(end));
}

static size_t number_of(const char *format)
{
	return strcmp(format, "openai") == 0;
}

static void take_stream(struct found *f, struct arena *a, const char *path, struct str bytes)
{
	struct oracle x = oracle_of_stream(a, bytes);

	if (!x.format)
		return;
	f->streams[number_of(x.format)]++;
	if (f->on_stream)
		f->on_stream(a, path, bytes);
}

static void take_object(struct found *f, struct arena *a, const char *path, struct json_object *o)
{
	struct oracle x = oracle_of_whole(a, o);

	if (x.format) {
		f->wholes[number_of(x.format)]++;
		if (f->on_whole)
			f->on_whole(a, path, o);
	} else if (json_get(o, "error")) {
		f->refusals++;
		if (f->on_refusal)
			f->on_refusal(a, path, o);
	}
}

/* A body, or a list of exchanges that have one each. */
static void take_json(struct found *f, struct arena *a, const char *path, struct str bytes)
{
	struct json_object *o = json_tokener_parse(str_dup(a, bytes)), *body;

	if (json_object_is_type(o, json_type_object))
		take_object(f, a, path, o);
	for (size_t i = 0; json_object_is_type(o, json_type_array) && i < json_object_array_length(o); i++) {
		body = json_get(json_get(json_object_array_get_idx(o, i), "response"), "body");
		if (json_object_is_type(body, json_type_string))
			take_stream(f, a, path, str_of(arena_strdup(a, json_object_get_string(body))));
		else if (body)
			take_object(f, a, path, body);
	}
	json_object_put(o);
}

/* One event in each line, without the frame. */
static struct str framed(struct arena *a, struct str lines)
{
	struct buf b = buf_init(a, 64 << 20);

	while (lines.p) {
		struct str line = str_trim(str_chop(&lines, '\n'));

		if (line.n)
			buf_printf(&b, "data: %.*s\n\n", STR_ARG(line));
	}
	return buf_str(&b);
}

static void take_file(struct found *f, const char *path)
{
	struct arena *a = arena_create();

	if (ends(path, ".chunks.txt"))
		take_stream(f, a, path, framed(a, unit_file(a, path)));
	else if (ends(path, ".sse") || ends(path, ".bin") || ends(path, ".txt"))
		take_stream(f, a, path, unit_file(a, path));
	else if (ends(path, ".json") && !ends(path, ".request.json"))
		take_json(f, a, path, unit_file(a, path));
	arena_free(a);
}

static void walk(struct found *f, const char *path)
{
	struct arena *a = arena_create();
	DIR *dir = opendir(path);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir))) {
		char *below = arena_printf(a, "%s/%s", path, e->d_name);

		if (*e->d_name == '.' || stat(below, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			walk(f, below);
		else
			take_file(f, below);
	}
	if (dir)
		closedir(dir);
	arena_free(a);
}

static void walk_all(struct found *f)
{
	struct arena *a = arena_create();
	char *top = arena_strdup(a, unit_shared(a, "streams"));

	walk(f, top);
	arena_free(a);
}

/* Comparing. -------------------------------------------------------------------------------------------- */

static struct str said(struct arena *a, const struct llm_play *p, int kind)
{
	struct buf b = buf_init(a, LLM_REPLY_BYTES);

	for (size_t i = 0; i < p->s->nparts; i++)
		if (p->s->parts[i].kind == kind)
			buf_add_str(&b, buf_str(&p->s->parts[i].content));
	return buf_str(&b);
}

static void same_text(const char *where, const char *what, struct str x, struct str y)
{
	if (!str_eq(x, y))
		fail_msg("%s: %s is \"%.*s\", not \"%.*s\"", where, what, STR_ARG(x), STR_ARG(y));
}

static void same_number(const char *where, const char *what, int64_t x, int64_t y)
{
	if (x != y)
		fail_msg("%s: %s is %lld, not %lld", where, what, (long long)x, (long long)y);
}

/* As JSON where both are, as text where the reply was cut in the middle of them. */
static void same_input(const char *where, struct arena *a, struct str x, struct str y)
{
	struct json_object *p = json_tokener_parse(str_dup(a, x)), *q = json_tokener_parse(str_dup(a, y));

	if (!p || !q || !json_object_equal(p, q))
		same_text(where, "arguments", x, y);
	json_object_put(p);
	json_object_put(q);
}

static void same_calls(const char *where, struct arena *a, const struct llm_reply *r, const struct oracle *x)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nblocks; i++) {
		const struct llm_block *b = &r->blocks[i];

		if (b->kind != LLM_TOOL_USE)
			continue;
		if (n == x->ncalls)
			fail_msg("%s: more than %zu calls", where, n);
		same_text(where, "name", str_of(b->name), str_of(x->calls[n].name));
		if (x->calls[n].id)
			same_text(where, "id", str_of(b->id), str_of(x->calls[n].id));
		same_input(where, a, b->input, x->calls[n].input);
		n++;
	}
	same_number(where, "number of calls", (int64_t)n, (int64_t)x->ncalls);
}

static void same(const char *where, struct arena *a, const struct llm_play *p, const struct oracle *x)
{
	const struct llm_reply *r = p->reply;

	if (x->failed != (p->e != NULL))
		fail_msg("%s: %s", where, p->e ? err_text(p->e) : "no error");
	same_text(where, "text", said(a, p, LLM_TEXT), x->text);
	same_text(where, "text of the sink", buf_str(&p->text), x->text);
	same_text(where, "thinking", said(a, p, LLM_THINKING), x->thinking);
	same_text(where, "thinking of the sink", buf_str(&p->thinking), x->thinking);
	if (x->failed)
		return;
	same_calls(where, a, r, x);
	same_number(where, "stop", r->stop, oracle_stop(x));
	same_number(where, "input tokens", r->usage.input_tokens, x->input);
	same_number(where, "output tokens", r->usage.output_tokens, x->output);
	same_number(where, "cached tokens", r->usage.cached_tokens, x->cached);
	if (x->model)
		same_text(where, "model", str_of(r->model), str_of(x->model));
	for (size_t i = 0; i < r->nblocks; i++)
		if (r->blocks[i].kind == LLM_THINKING && !r->blocks[i].is_redacted && i + 1 == r->nblocks)
			same_text(where, "signature", r->blocks[i].signature, x->signature);
}

static void stream_in_every_way(struct arena *a, const char *path, struct str bytes)
{
	struct oracle x = oracle_of_stream(a, bytes);

	for (size_t d = 0; llm_dress(d); d++)
		for (int c = 0; c < LLM_PLAY_CHUNKINGS; c++) {
			struct arena *one = arena_create();
			char *where = arena_printf(one, "%s, %s, chunking %d", path, llm_dress(d)->name, c);

			same(where, one, llm_play(one, x.format, llm_dressed(one, bytes, llm_dress(d)), c),
			     &x);
			arena_free(one);
		}
}

static void whole_in_every_way(struct arena *a, const char *path, struct json_object *o)
{
	static const int styles[] = {JSON_C_TO_STRING_PLAIN,
	                             JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED};
	struct oracle x = oracle_of_whole(a, o);

	for (size_t i = 0; i < 2; i++)
		for (int c = 0; c < LLM_PLAY_CHUNKINGS; c++) {
			struct str text =
			        str_of(arena_strdup(a, json_object_to_json_string_ext(o, styles[i])));

			same(path, a, llm_play(a, x.format, text, c), &x);
		}
}

static void refusal_in_words(struct arena *a, const char *path, struct json_object *o)
{
	static const struct llm_request req = {.provider = {"", "http://x", "sk-secret", "m"}};
	static const struct llm_format *const formats[] = {&llm_anthropic, &llm_openai};

	for (size_t i = 0; i < 2; i++) {
		struct llm_stream s = {.a = a, .scratch = a, .req = &req, .format = formats[i]};
		struct err *e = formats[i]->refusal(&s, 400, o);

		if (!*e->message || !e->code)
			fail_msg("%s: no words", path);
		if (json_get_str(json_get(o, "error"), "message"))
			assert_non_null(e->detail);
	}
}

static void test_llm__recordings_say_the_same_in_every_chunking_and_dress(void **state)
{
	struct found f = {.on_stream = stream_in_every_way};

	(void)state;
	walk_all(&f);
	print_message("# %zu Anthropic and %zu OpenAI streams\n", f.streams[0], f.streams[1]);
	assert_true(f.streams[0] >= 30 && f.streams[1] >= 20);
}

static void test_llm__recordings_that_came_whole_are_replies_too(void **state)
{
	struct found f = {.on_whole = whole_in_every_way, .on_refusal = refusal_in_words};

	(void)state;
	walk_all(&f);
	print_message("# %zu Anthropic and %zu OpenAI replies, %zu refusals\n", f.wholes[0], f.wholes[1],
	              f.refusals);
	assert_true(f.wholes[0] >= 30 && f.wholes[1] >= 3 && f.refusals >= 8);
}

/* Cut and damaged. -------------------------------------------------------------------------------------- */

static bool is_sound(struct str s)
{
	return str_utf8_valid(s) && !str_has_nul(s);
}

static void sound(const char *where, const struct llm_play *p)
{
	if (!is_sound(buf_str(&p->text)) || !is_sound(buf_str(&p->thinking)))
		fail_msg("%s: what was passed on is not text", where);
	for (size_t i = 0; i < p->reply->nblocks; i++) {
		const struct llm_block *b = &p->reply->blocks[i];

		if (!is_sound(b->text) || !is_sound(b->input) || !is_sound(b->signature) ||
		    (b->kind == LLM_TOOL_USE && (!*b->id || !*b->name || !is_sound(str_of(b->name)))))
			fail_msg("%s: block %zu is not sound", where, i);
	}
	if (p->e && (!*p->e->message || !p->s->theirs))
		fail_msg("%s: an error without words", where);
}

/* What is there of a cut stream is its beginning; it is whole only once the reason to stop was heard. */
static void cut_everywhere(struct arena *a, const char *path, struct str bytes)
{
	struct oracle whole = oracle_of_stream(a, bytes);
	size_t step = bytes.n / 40 + 1;

	for (size_t n = 0; n < bytes.n; n += step) {
		struct arena *one = arena_create();
		struct str part = {bytes.p, n};
		struct llm_play *p = llm_play(one, whole.format, part, LLM_PLAY_RANDOM);
		struct oracle x = oracle_of_stream(one, part);

		sound(path, p);
		if (!p->e != (x.reason || p->s->ended) && !whole.failed)
			fail_msg("%s, cut at %zu: %s", path, n, p->e ? err_text(p->e) : "taken as whole");
		if (!str_starts(whole.text, buf_str(&p->text)))
			fail_msg("%s, cut at %zu: text that is not there", path, n);
		arena_free(one);
	}
}

static void test_llm__recordings_cut_short_are_errors_or_whole(void **state)
{
	struct found f = {.on_stream = cut_everywhere};

	(void)state;
	walk_all(&f);
}

static uint32_t next(uint32_t *seed)
{
	return *seed = *seed * 1664525 + 1013904223;
}

static void damage(struct arena *a, const char *path, struct str bytes)
{
	static const struct str marks[] = {STR("\xff"),    STR("\xf0\x9f"), STR("\0"),
	                                   STR("\\u0000"), STR("\\ud800"),  STR("\n\n"),
	                                   STR("{"),       STR("\""),       STR("null"),
	                                   STR("[]"),      STR("\xc3"),     STR("9999999999999999999999"),
	                                   STR("\x01\t")};
	struct oracle x = oracle_of_stream(a, bytes);
	uint32_t seed = (uint32_t)bytes.n;

	for (int round = 0; round < 25; round++) {
		struct arena *one = arena_create();
		struct buf b = buf_init(one, 64 << 20);
		size_t from = 0;

		for (int i = 0; i < 1 + round % 4; i++) {
			size_t to = from + (next(&seed) >> 4) % (bytes.n - from + 1);

			buf_add(&b, bytes.p + from, to - from);
			buf_add_str(&b, marks[(next(&seed) >> 8) % (sizeof(marks) / sizeof(*marks))]);
			from = to + (next(&seed) >> 8) % 3;
			from = from > bytes.n ? bytes.n : from;
		}
		buf_add(&b, bytes.p + from, bytes.n - from);
		sound(path, llm_play(one, x.format, buf_str(&b), LLM_PLAY_RANDOM));
		sound(path, llm_play(one, strcmp(x.format, "openai") ? "openai" : "anthropic", buf_str(&b),
		                     LLM_PLAY_WHOLE));
		arena_free(one);
	}
}

static void test_llm__damaged_recordings_never_pass_on_what_is_no_text(void **state)
{
	struct found f = {.on_stream = damage};

	(void)state;
	walk_all(&f);
}

static const struct CMUnitTest llm_recordings_tests[] = {
        cmocka_unit_test(test_llm__recordings_say_the_same_in_every_chunking_and_dress),
        cmocka_unit_test(test_llm__recordings_that_came_whole_are_replies_too),
        cmocka_unit_test(test_llm__recordings_cut_short_are_errors_or_whole),
        cmocka_unit_test(test_llm__damaged_recordings_never_pass_on_what_is_no_text),
};
UNIT_SUITE(llm_recordings_tests);
