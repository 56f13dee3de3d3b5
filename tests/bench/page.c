/*
 * The chat page, part by part and without a server: reading the records of its turns, filling the views (Markdown,
 * SQL, tables), and writing the page from its templates. The turns are those of seed.js, as JSON on the command
 * line's file: [{"id","question","answer","record"}]. Writes one JSON object with the median microseconds of each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "web/web_priv.h"

enum { ROUNDS = 300, FILE_BYTES = 16 << 20 };

/* As much of the chat page's view as its turns need; the rest renders as nothing. */
struct bench_view {
	struct web_layout *layout;
	const char *slug;
	const char *title;
	int64_t chat;
	struct web_turn_html *turns;
	size_t nturns;
};

static const struct view html_view = VIEW(struct web_turn_html, VIEW_HTML(struct web_turn_html, html));

static const struct view bench_view =
	VIEW(struct bench_view, VIEW_ONE(struct bench_view, layout, &web_layout_view), VIEW_STR(struct bench_view, slug),
	     VIEW_STR(struct bench_view, title), VIEW_I64(struct bench_view, chat),
	     VIEW_LIST(struct bench_view, turns, nturns, &html_view));

enum part { READ, FILL, RENDER, PARTS };
static const char *const part_names[PARTS] = {"read_us", "fill_us", "render_us"};

struct bench {
	const struct mustache_set *templates;
	struct agent_turn *turns;
	const char **records;
	size_t n;
	int64_t took[PARTS][ROUNDS];
	size_t page_bytes;
};

static void must(struct err *e)
{
	if (!e)
		return;
	fprintf(stderr, "bench-page: %s\n", err_text(e));
	exit(1);
}

static struct str file_text(struct arena *a, const char *path)
{
	char *text = arena_alloc(a, FILE_BYTES);
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(text, 1, FILE_BYTES, f) : 0;

	if (!f || fclose(f))
		must(err_new(a, ERR_NOT_FOUND, "could not read %s", path));
	return (struct str){text, n};
}

static void load_turns(struct arena *a, struct bench *b, const char *path)
{
	struct json_object *list;

	must(json_read(a, file_text(a, path), JSON_DEPTH, &list));
	b->n = json_object_array_length(list);
	b->turns = ARENA_ARRAY(a, struct agent_turn, b->n);
	b->records = ARENA_ARRAY(a, const char *, b->n);
	for (size_t i = 0; i < b->n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		b->records[i] = json_object_to_json_string_ext(json_get(o, "record"), JSON_C_TO_STRING_PLAIN);
		b->turns[i] = (struct agent_turn){
			.id = (int64_t)i + 1, .question = json_get_str(o, "question"), .answer = json_get_str(o, "answer"),
			.status = "done", .model = "scripted", .input_tokens = 2000, .output_tokens = 300, .took_ms = 2100,
		};
	}
}

static struct bench_view view_of(struct arena *a, const struct bench *b, struct web_turn_html *turns)
{
	struct web_layout *l = ARENA_NEW(a, struct web_layout);

	*l = (struct web_layout){.title = "Revenue", .section = "chat", .version = "1", .signed_in = true,
				 .email = "analyst@example.com", .name = "analyst@example.com", .initial = "a", .csrf = "csrf",
				 .slug = "shop", .project = "Shop analytics"};
	return (struct bench_view){l, "shop", "Revenue", 1, turns, b->n};
}

static const char *render_turn(struct ctx *ctx, const struct bench *b, const struct web_turn *turn)
{
	struct buf out = buf_init(ctx->a, BUF_PAGE);

	must(mustache_render(ctx->a, b->templates, "chat/turn", &web_turn_view, turn, &out));
	return buf_cstr(&out);
}

/* What the page handler does for turns that it has not kept, between its statements and its answer, in an arena as a request has. */
static void round_of(struct bench *b, size_t i)
{
	struct ctx ctx = {.a = arena_create(), .request_id = "bench", .address = ""};
	struct buf out = buf_init(ctx.a, BUF_RESULT);
	struct bench_view view;
	struct web_turn **turns = ARENA_ARRAY(ctx.a, struct web_turn *, b->n);
	struct web_turn_html *html = ARENA_ARRAY(ctx.a, struct web_turn_html, b->n);
	int64_t t[PARTS + 1];

	t[READ] = clock_mono_us();
	for (size_t k = 0; k < b->n; k++)
		must(agent_record_read(ctx.a, b->records[k], &b->turns[k]));
	t[FILL] = clock_mono_us();
	for (size_t k = 0; k < b->n; k++)
		must(web_turn_fill(&ctx, &b->turns[k], true, &turns[k]));
	t[RENDER] = clock_mono_us();
	for (size_t k = 0; k < b->n; k++)
		html[k].html = render_turn(&ctx, b, turns[k]);
	view = view_of(ctx.a, b, html);
	must(mustache_render(ctx.a, b->templates, "chat/show", &bench_view, &view, &out));
	t[PARTS] = clock_mono_us();
	for (enum part p = 0; p < PARTS; p++)
		b->took[p][i] = t[p + 1] - t[p];
	b->page_bytes = out.n;
	arena_free(ctx.a);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_create();
	struct mustache_set *templates = mustache_set_create(a);
	static struct bench b;

	if (argc != 3) {
		fputs("usage: bench-page TEMPLATES TURNS.json\n", stderr);
		return 2;
	}
	must(mustache_load(templates, argv[1]));
	b.templates = templates;
	load_turns(a, &b, argv[2]);
	for (size_t i = 0; i < ROUNDS; i++)
		round_of(&b, i);
	printf("{\"bytes\":%zu", b.page_bytes);
	for (enum part p = 0; p < PARTS; p++) {
		qsort(b.took[p], ROUNDS, sizeof(b.took[p][0]), by_size);
		printf(",\"%s\":%lld", part_names[p], (long long)b.took[p][ROUNDS / 2]);
	}
	puts("}");
	arena_free(a);
	return 0;
}
