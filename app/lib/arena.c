/*
 * Chunks of memory used from bottom to top, newest first. An allocation as large as a small chunk is a block of
 * its own in a second list, which is counted, so that a mark stays true when such a block moves by growing. So a
 * text that grows leaves little behind, and no chunk is taken for the sake of one thing.
 * With ARENA_DEBUG every allocation takes that second way.
 */
#include "lib/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_FIRST = 4 << 10,
	CHUNK_MOST = 64 << 10,
};

struct chunk {
	alignas(max_align_t) struct chunk *prev;
	size_t size; /* of the memory behind this header */
	size_t used;
};

struct block {
	alignas(max_align_t) struct block *prev;
	size_t size;
};

struct cleanup {
	struct cleanup *prev;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct chunk *chunk;
	struct block *block;
	struct cleanup *cleanup;
	size_t blocks;
	size_t used;
};

static _Noreturn void out_of_memory(void)
{
	fputs("out of memory\n", stderr);
	abort();
}

static size_t round_up(size_t n)
{
	const size_t mask = alignof(max_align_t) - 1;

	if (n > PTRDIFF_MAX - mask)
		out_of_memory();
	return (n + mask) & ~mask;
}

static bool is_alone(size_t size)
{
#ifdef ARENA_DEBUG
	(void)size;
	return true;
#else
	return size >= CHUNK_FIRST;
#endif
}

static struct chunk *chunk_create(struct chunk *prev, size_t total)
{
	struct chunk *c = malloc(total);

	if (!c)
		out_of_memory();
	c->prev = prev;
	c->size = total - sizeof(*c);
	c->used = 0;
	return c;
}

static char *chunk_take(struct chunk *c, size_t size)
{
	char *p = (char *)(c + 1) + c->used;

	c->used += size;
	return p;
}

static struct chunk *chunk_grow(struct chunk *c, size_t size)
{
	size_t total = c->size + sizeof(*c);

	do {
		if (total < CHUNK_MOST)
			total *= 2;
	} while (total - sizeof(*c) < size);
	return chunk_create(c, total);
}

struct arena *arena_create(void)
{
	struct chunk *c = chunk_create(NULL, CHUNK_FIRST);
	struct arena *a = memset(chunk_take(c, round_up(sizeof(*a))), 0, sizeof(*a));

	a->chunk = c;
	return a;
}

static void *block_alloc(struct arena *a, size_t size)
{
	struct block *b;

	if (size > PTRDIFF_MAX - sizeof(*b))
		out_of_memory();
	b = calloc(1, sizeof(*b) + size);
	if (!b)
		out_of_memory();
	b->prev = a->block;
	b->size = size;
	a->block = b;
	a->blocks++;
	return b + 1;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t rounded = round_up(size ? size : 1);

	a->used += size;
	if (is_alone(size))
		return block_alloc(a, size);
	if (rounded > a->chunk->size - a->chunk->used)
		a->chunk = chunk_grow(a->chunk, rounded);
	return memset(chunk_take(a->chunk, rounded), 0, rounded);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		out_of_memory();
	return arena_alloc(a, total);
}

/* The newest block may move: nobody but the caller knows where it is. */
static void *block_grow(struct arena *a, size_t old, size_t size)
{
	struct block *b;

	if (size > PTRDIFF_MAX - sizeof(*b))
		out_of_memory();
	b = realloc(a->block, sizeof(*b) + size);
	if (!b)
		out_of_memory();
	memset((char *)(b + 1) + old, 0, size - old);
	b->size = size;
	a->block = b;
	return b + 1;
}

void *arena_grow(struct arena *a, void *p, size_t old, size_t size)
{
	struct chunk *c = a->chunk;
	char *top = (char *)(c + 1) + c->used;
	size_t have = round_up(old ? old : 1);
	void *copy;

	assert(size >= old);
	if (a->block && p == a->block + 1 && a->block->size == old) {
		a->used += size - old;
		return block_grow(a, old, size);
	}
	if (p && (char *)p + have == top && !is_alone(size) && round_up(size) - have <= c->size - c->used) {
		memset((char *)p + old, 0, round_up(size) - old);
		c->used += round_up(size) - have;
		a->used += size - old;
		return p;
	}
	copy = arena_alloc(a, size);
	return p ? memcpy(copy, p, old) : copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (n)
		memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	assert(n >= 0);
	text = arena_alloc(a, (size_t)n + 1);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}

void arena_cleanup(struct arena *a, void (*fn)(void *), void *arg)
{
	struct cleanup *c = ARENA_NEW(a, struct cleanup);

	*c = (struct cleanup){a->cleanup, fn, arg};
	a->cleanup = c;
}

struct arena_mark arena_mark(struct arena *a)
{
	return (struct arena_mark){a->chunk, a->chunk->used, a->blocks, a->cleanup, a->used};
}

/* All cleanups run before any memory goes: one may use what was allocated after it was registered. */
static void run_cleanups(struct arena *a, const struct cleanup *last)
{
	while (a->cleanup != last) {
		struct cleanup *c = a->cleanup;

		a->cleanup = c->prev;
		c->fn(c->arg);
	}
}

static void free_blocks(struct arena *a, size_t keep)
{
	while (a->blocks > keep) {
		struct block *b = a->block;

		a->block = b->prev;
		a->blocks--;
		free(b);
	}
}

void arena_reset(struct arena *a, struct arena_mark mark)
{
	run_cleanups(a, mark.cleanup);
	free_blocks(a, mark.blocks);
	while (a->chunk != mark.chunk) {
		struct chunk *c = a->chunk;

		assert(c->prev);
		a->chunk = c->prev;
		free(c);
	}
	a->chunk->used = mark.chunk_used;
	a->used = mark.used;
}

void arena_free(struct arena *a)
{
	struct chunk *c;

	if (!a)
		return;
	run_cleanups(a, NULL);
	free_blocks(a, 0);
	for (c = a->chunk; c;) {
		struct chunk *prev = c->prev;

		free(c);
		c = prev;
	}
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
