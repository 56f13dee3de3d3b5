/*
 * A reply grows block by block in the caller's arena: text doubles in place, so that what it cost is about
 * its length however many pieces it came in.
 */
#include <string.h>

#include "lib/arena.h"
#include "llm/llm_priv.h"

enum { MOST_TOKENS = 1000 * 1000 * 1000 };

/* The last one: some providers give an index twice. */
struct llm_part *llm_part_find(struct llm_stream *s, int64_t index)
{
	for (size_t i = s->nparts; i > 0; i--)
		if (s->parts[i - 1].index == index)
			return &s->parts[i - 1];
	return NULL;
}

struct llm_part *llm_part_add(struct llm_stream *s, int64_t index, int kind)
{
	struct llm_part *part;

	if (s->nparts == LLM_BLOCKS)
		return NULL;
	if (s->nparts == s->room) {
		size_t room = s->room ? s->room * 2 : 4;

		s->parts = arena_grow(s->a, s->parts, s->room * sizeof(*part), room * sizeof(*part));
		s->room = room;
	}
	part = &s->parts[s->nparts++];
	*part = (struct llm_part){.index = index, .kind = kind, .content = buf_init(s->a, LLM_REPLY_BYTES)};
	return part;
}

struct err *llm_part_refused(struct llm_stream *s)
{
	return llm_refused(s, ERR_PROVIDER, "bad_reply",
	                   "the reply of the model has too many blocks or repeats one", NULL);
}

static struct err *add(struct llm_stream *s, struct llm_part *part, struct str piece)
{
	s->bytes += piece.n;
	if (s->bytes > LLM_REPLY_BYTES)
		return llm_refused(s, ERR_TOO_LARGE, "reply_too_large", "the reply of the model is too large",
		                   NULL);
	buf_add_str(&part->content, piece);
	return NULL;
}

struct err *llm_part_text(struct llm_stream *s, struct llm_part *part, struct str text)
{
	void (*pass)(void *arg, struct str delta);

	if (!part || (part->kind != LLM_TEXT && part->kind != LLM_THINKING) || text.n == 0)
		return NULL;
	TRY(add(s, part, text));
	pass = !s->sink ? NULL : part->kind == LLM_TEXT ? s->sink->text : s->sink->thinking;
	if (pass) {
		s->passed = true;
		pass(s->sink->arg, text);
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
	switch (part->kind) {
	case LLM_TEXT: return str_trim(buf_str(&part->content)).n == 0;
	case LLM_THINKING: return part->content.n == 0 && part->signature.n == 0;
	case LLM_TOOL_USE: return !part->name || !*part->name;
	default: return true;
	}
}

static bool has_id(const struct llm_reply *r, const char *id)
{
	for (size_t i = 0; i < r->nblocks; i++)
		if (r->blocks[i].id && strcmp(r->blocks[i].id, id) == 0)
			return true;
	return false;
}

/* Calls without an id, or with one that is taken, get one that cannot be meant for another. */
static const char *id_of(struct llm_stream *s, const struct llm_reply *r, const char *id)
{
	if (id && *id && !has_id(r, id))
		return id;
	return arena_printf(s->a, "call_%zu_%s", r->nblocks, id ? id : "");
}

static void block_of(struct llm_stream *s, const struct llm_part *part, struct llm_reply *r)
{
	struct str content = buf_str(&part->content);
	struct llm_block *b = &r->blocks[r->nblocks];

	*b = (struct llm_block){.kind = (enum llm_block_kind)part->kind};
	if (part->kind == LLM_TOOL_USE) {
		b->id = id_of(s, r, part->id);
		b->name = part->name;
		b->input = content;
		if (str_trim(content).n == 0)
			b->input = STR("{}");
		else if (str_find(content, STR("\\u0000")) >= 0)
			b->input = llm_clean(s->a, content);
	} else {
		b->text = content;
		b->signature = part->signature;
		b->is_redacted = part->is_redacted;
	}
	r->nblocks++;
}

/* Figures of a provider are added up by others. */
static int64_t counted(int64_t tokens)
{
	return tokens < 0 ? 0 : tokens > MOST_TOKENS ? MOST_TOKENS : tokens;
}

struct llm_reply *llm_reply_of(struct llm_stream *s)
{
	struct llm_reply *r = ARENA_NEW(s->a, struct llm_reply);

	r->blocks = ARENA_ARRAY(s->a, struct llm_block, s->nparts);
	for (size_t i = 0; i < s->nparts; i++)
		if (!is_empty(&s->parts[i]))
			block_of(s, &s->parts[i], r);
	r->stop = s->stop;
	r->usage.input_tokens = counted(s->usage.input_tokens);
	r->usage.output_tokens = counted(s->usage.output_tokens);
	r->usage.cached_tokens = counted(s->usage.cached_tokens);
	r->model = s->model ? s->model : s->req->provider.model;
	return r;
}
