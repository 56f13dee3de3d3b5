/*
 * A reply grows block by block in the caller's arena: text doubles in place, so that what it cost is about
 * its length however many pieces it came in.
 */
#include <string.h>

#include "lib/arena.h"
#include "llm/llm_priv.h"

struct llm_part *llm_part_find(struct llm_stream *s, int64_t index)
{
	for (size_t i = 0; i < s->nparts; i++)
		if (s->parts[i].index == index)
			return &s->parts[i];
	return NULL;
}

struct llm_part *llm_part_open(struct llm_stream *s, int64_t index, int kind)
{
	struct llm_part *part = llm_part_find(s, index);

	if (part || s->nparts == LLM_BLOCKS)
		return NULL;
	part = &s->parts[s->nparts++];
	*part = (struct llm_part){index, kind, NULL, NULL, buf_init(s->a, LLM_REPLY_BYTES)};
	return part;
}

static struct err *add(struct llm_stream *s, struct llm_part *part, struct str piece)
{
	buf_add_str(&part->content, piece);
	if (part->content.full)
		return err_new(s->a, ERR_TOO_LARGE, "the reply of the model is too large");
	return NULL;
}

struct err *llm_part_text(struct llm_stream *s, struct llm_part *part, struct str text)
{
	if (!part || part->kind != LLM_TEXT || text.n == 0)
		return NULL;
	TRY(add(s, part, text));
	if (s->sink && s->sink->text) {
		s->passed = true;
		s->sink->text(s->sink->arg, text);
	}
	return NULL;
}

struct err *llm_part_input(struct llm_stream *s, struct llm_part *part, const char *json)
{
	if (!part || part->kind != LLM_TOOL_USE || !json)
		return NULL;
	return add(s, part, str_of(json));
}

static bool is_empty(const struct llm_part *part)
{
	if (part->kind == LLM_TEXT)
		return str_trim(buf_str(&part->content)).n == 0;
	return part->kind != LLM_TOOL_USE || !part->id || !part->name;
}

static void block_of(const struct llm_part *part, struct llm_block *b)
{
	struct str content = buf_str(&part->content);

	*b = (struct llm_block){.kind = (enum llm_block_kind)part->kind, .id = part->id, .name = part->name};
	if (part->kind == LLM_TEXT)
		b->text = content;
	else
		b->input = content.n ? content : STR("{}");
}

struct llm_reply *llm_reply_of(struct llm_stream *s)
{
	struct llm_reply *r = ARENA_NEW(s->a, struct llm_reply);

	r->blocks = ARENA_ARRAY(s->a, struct llm_block, s->nparts);
	for (size_t i = 0; i < s->nparts; i++)
		if (!is_empty(&s->parts[i]))
			block_of(&s->parts[i], &r->blocks[r->nblocks++]);
	r->stop = s->stop;
	r->usage = s->usage;
	r->model = s->model ? s->model : s->req->provider.model;
	return r;
}

static const char *without_key(struct llm_stream *s, const char *words)
{
	const char *key = s->req->provider.key;
	struct buf b = buf_init(s->a, LLM_REFUSAL_BYTES);
	struct str rest = str_utf8_cut(str_of(words), 600);
	ptrdiff_t at;

	if (!key || strlen(key) < 4)
		return str_dup(s->a, rest);
	while ((at = str_find(rest, str_of(key))) >= 0) {
		buf_add(&b, rest.p, (size_t)at);
		buf_add_cstr(&b, "[key]");
		rest = (struct str){rest.p + at + strlen(key), rest.n - (size_t)at - strlen(key)};
	}
	buf_add_str(&b, rest);
	return buf_cstr(&b);
}

struct err *llm_refused(struct llm_stream *s, enum err_kind kind, const char *code, const char *what,
                        const char *words)
{
	struct err *e = err_code(err_new(s->a, kind, "%s", what), code);

	e->retry_after = s->retry_after;
	return words && *words ? err_detail(e, "The provider said: %s", without_key(s, words)) : e;
}
