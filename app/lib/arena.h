/*
 * Memory by lifetime. Everything that Quern allocates belongs to an arena and dies with it; there is
 * no free() in module code. Three lifetimes are in use:
 *   process   settings, routes, compiled templates: one arena, never freed
 *   request   one HTTP request, one agent turn, one command: freed when it ends
 *   scratch   one loop body or tool call inside a request: arena_mark() and arena_reset()
 * Out of memory ends the process (the master starts another worker), so no caller tests for it.
 * An arena belongs to one thread at a time. With -DARENA_DEBUG each allocation is a malloc of its
 * own, so that AddressSanitizer sees every overrun.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* A point in an arena's life to which arena_reset() can return. Opaque. */
struct arena_mark {
	void *chunk;
	size_t chunk_used;
	size_t blocks;
	void *cleanup;
	size_t used;
};

/* A new, empty arena; costs one 4 KB allocation. The caller frees it with arena_free(). */
struct arena *arena_create(void);

/* Runs the cleanups, last registered first, and frees everything. NULL is allowed. */
void arena_free(struct arena *a);

/* size zeroed bytes, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *a, size_t size);

/* count * size zeroed bytes; an overflowing product ends the process. */
void *arena_array(struct arena *a, size_t count, size_t size);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_array((a), (count), sizeof(type)))

/* The allocation p of old bytes, now of size bytes (not less), the new ones zeroed. In place if it was the
 * arena's last one, else a copy; either way p itself is no longer valid. p may be NULL. */
void *arena_grow(struct arena *a, void *p, size_t old, size_t size);

/* Copies in the arena, always NUL-terminated. arena_strdup(a, NULL) is NULL. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);

/* printf into the arena. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Calls fn(arg) when the arena is freed or reset past this point: for things that are not memory
 * (results, handles, file descriptors). */
void arena_cleanup(struct arena *a, void (*fn)(void *), void *arg);

/* Marks a point; arena_reset() runs the cleanups registered since and gives that memory back. What was
 * allocated before the mark (a buf, an array) must not have grown in between. */
struct arena_mark arena_mark(struct arena *a);
void arena_reset(struct arena *a, struct arena_mark mark);

/* Bytes handed out and not given back; for tests and the debug log. */
size_t arena_used(const struct arena *a);

#endif
