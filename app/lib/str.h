/*
 * A string view: bytes and their number, never owning, passed by value. It may hold NUL bytes; code
 * that hands it to a C library asks str_has_nul() first. Builders are in lib/buf.h.
 */
#ifndef LIB_STR_H
#define LIB_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct str {
	const char *p;
	size_t n;
};

/* A view of a string literal, and of a C string (NULL gives the empty view). */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
struct str str_of(const char *s);

/* For printf: "%.*s" with STR_ARG(s). */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

/* A NUL-terminated copy in the arena. */
char *str_dup(struct arena *a, struct str s);

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII case only */
bool str_is(struct str a, const char *b);       /* equals the C string */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_has_nul(struct str s);

/* Index of the first occurrence of needle in s, or -1. */
ptrdiff_t str_find(struct str s, struct str needle);

/* s without leading and trailing ASCII white space. */
struct str str_trim(struct str s);

/* Splits at the first sep: returns what stands before it and moves *rest behind it; with no sep
 * left, returns all of *rest and makes it {NULL, 0}. Loop while (rest.p). */
struct str str_chop(struct str *rest, char sep);

/* A whole decimal number with optional minus and nothing else; false on anything else or overflow. */
bool str_to_i64(struct str s, int64_t *out);

/* The value of a hexadecimal digit in either case, -1 for anything else. */
int str_hex_digit(char c);

/* Length of the well-formed UTF-8 sequence at the start of s, 0 if there is none. */
size_t str_utf8_step(struct str s);

/* Well-formed UTF-8 without surrogates and overlong forms (Unicode 15, table 3-7). */
bool str_utf8_valid(struct str s);

/* s cut to at most max bytes without splitting a UTF-8 sequence. */
struct str str_utf8_cut(struct str s, size_t max);

/* Characters of text in UTF-8: a byte that continues one does not count. */
size_t str_utf8_count(struct str s);

/* A copy in the arena with a question mark for each byte that is not part of UTF-8. */
char *str_utf8_clean(struct arena *a, struct str s);

/* An ASCII-lowercase copy in the arena. */
char *str_lower(struct arena *a, struct str s);

#endif
