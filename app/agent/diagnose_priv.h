/*
 * Inside agent/: names and what they mean, the tables and columns of a dictionary held against words, a statement as
 * tokens, and why one failed. All of it is pure.
 */
#ifndef AGENT_DIAGNOSE_PRIV_H
#define AGENT_DIAGNOSE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalog/catalog.h"
#include "lib/err.h"
#include "lib/str.h"

struct arena;
struct buf;

/* words.c ----------------------------------------------------------------------------------------------- */

/* A word in lower case, what it means (bits of the lines of synonyms.def), and its letters without a plural ending. */
struct agent_word {
	struct str text;
	struct str stem;
	uint64_t meaning[2];
	bool light; /* "of", "the": says nothing by itself */
};
struct agent_words {
	struct agent_word *at;
	size_t n;
};
/* The words of a name or a text: "customerName", "customer_name" and "Customer name" have the same two. At most `most`;
 * what they point to is in the arena. */
struct agent_words agent_words(struct arena *a, struct str text, size_t most);
/* How much two words mean the same: 100 equal, 0 not at all. */
int agent_word_like(const struct agent_word *x, const struct agent_word *y);
/* How much two whole names look the same: 100 equal but for case and signs, 0 not at all. */
int agent_name_like(struct arena *a, const char *x, const char *y);
/* Edits between two names, swapped neighbours counting one; `most` and more are all the same. */
size_t agent_distance(struct str x, struct str y, size_t most);
/* Without a plural ending: "categories" and "category" meet in "categor". */
struct str agent_stem(struct str s);

/* meaning.c --------------------------------------------------------------------------------------------- */

/* A column (or, where column is NULL, a table) and how well it fits: 0 to 100 and a little more. */
struct agent_fit {
	const struct catalog_table *table;
	const struct catalog_column *column;
	int score;
};
/* How well a column or a table fits words, by its name and its comment. */
int agent_fit_column(struct arena *a, const struct agent_words *asked, const struct catalog_table *t,
                     const struct catalog_column *c);
int agent_fit_table(struct arena *a, const struct agent_words *asked, const struct catalog_table *t);
/* Puts a fit into a list of the `most` best ones, best first, and gives how many there are now. */
size_t agent_fit_add(struct agent_fit *best, size_t n, size_t most, struct agent_fit fit);

/* join.c ------------------------------------------------------------------------------------------------ */

/* One step from table to table: left.left_column = right.right_column. */
struct agent_link {
	const struct catalog_table *left;
	const struct catalog_table *right;
	const struct catalog_column *left_column;
	const struct catalog_column *right_column;
};
enum { AGENT_PATH = 3 }; /* longest way that is told */
/* The shortest ways from any of some tables to all others: by foreign keys, or in a dictionary that has none by keys of
 * the same name. */
struct agent_ways {
	const struct catalog *c;
	struct agent_link *links; /* of each table: the last step to it */
	size_t *steps;            /* of each table: 1 and the steps to it, 0 when there is no way */
};
struct agent_ways *agent_ways(struct arena *a, const struct catalog *c,
                              const struct catalog_table *const *from, size_t n);
/* How many steps lead there; 0 when it is one of those it begins with, or there is no way. */
size_t agent_way(const struct agent_ways *w, const struct catalog_table *to,
                 struct agent_link path[static AGENT_PATH]);

/* tokens.c ---------------------------------------------------------------------------------------------- */

enum agent_token_kind {
	AGENT_T_WORD,
	AGENT_T_QUOTED, /* "name" */
	AGENT_T_TICKED, /* `name` */
	AGENT_T_STRING,
	AGENT_T_NUMBER,
	AGENT_T_SIGN,
	AGENT_T_OPEN_STRING, /* without an end */
};
struct agent_token {
	enum agent_token_kind kind;
	struct str text; /* as it stands */
	size_t at;       /* its first byte */
	size_t level;    /* which SELECT it is in: index of levels */
};
/* A thing in FROM. table is NULL for a subquery, a WITH query and what is not in the dictionary. */
struct agent_rel {
	const struct catalog_table *table;
	const char *name;   /* of the table as written, without quotes; NULL for a subquery */
	const char *schema; /* as written, where it is not that of the dictionary; or NULL */
	const char *alias;  /* what columns are qualified with, as written */
	bool aliased;
	bool known; /* it is in the dictionary, or made by the statement itself */
	size_t level;
	size_t token; /* its first */
};
/* A statement as far as it can be told without its grammar: it may be wrong. */
struct agent_statement {
	struct str sql;
	struct agent_token *tokens;
	size_t n;
	size_t *outer; /* of each level: the level around it; of the outermost itself */
	size_t nlevels;
	struct agent_rel *rels;
	size_t nrels;
};
struct agent_statement *agent_statement(struct arena *a, const struct catalog *c, struct str sql);
/* The same words and signs in the same order, whatever the blanks, comments and the case of words. */
bool agent_same_statement(struct arena *a, const char *x, const char *y);
/* The token at a 1-based character, or n. */
size_t agent_token_at(const struct agent_statement *t, int position);
bool agent_is_word(const struct agent_statement *t, size_t i, const char *word);
bool agent_is_sign(const struct agent_statement *t, size_t i, char sign);
bool agent_is_name(const struct agent_statement *t, size_t i); /* a word or a name in quotes */
/* A name without its quotes, in lower case where it has none. */
const char *agent_token_name(struct arena *a, const struct agent_token *t);
/* Whether columns of the thing may be used at a token of that level. */
bool agent_sees(const struct agent_statement *t, size_t level, const struct agent_rel *rel);

/* diagnose.c -------------------------------------------------------------------------------------------- */

enum { AGENT_SUGGESTIONS = 3 };

struct agent_diagnosis {
	const char *part;   /* the failing part as it stands in the statement, or NULL */
	const char *wrong;  /* the name that means nothing: "orders.totl", "ordrs"; or NULL */
	const char *model;  /* lines for the model: what is wrong, what there is instead */
	const char *people; /* one sentence */
	struct agent_fit right[AGENT_SUGGESTIONS]; /* what was probably meant, the likeliest first */
	size_t nright;
	const struct catalog_table *table; /* where it was looked for, or NULL */
	const char *
	        lesson; /* what holds for this data beyond the one statement ("orders.day is text"), or NULL */
};
/* Why a statement failed, in terms of the tables and columns that the dictionary has: c is what this person may see,
 * and nothing else is named. NULL when there is nothing to add to the error. */
struct agent_diagnosis *agent_diagnose(struct arena *a, const struct catalog *c, const char *sql,
                                       const struct err *e);
/* diagnose_value.c: for a statement that found nothing: values near those that it asks for, as far as they are known and
 * may be shown; NULL when there is nothing to tell. */
const char *agent_near_values(struct arena *a, const struct catalog *c, const char *sql);

/* The error, its place, the diagnosis and what was tried before, as the model reads it. tried may be empty. */
const char *agent_diagnosis_text(struct arena *a, const struct err *e, const struct agent_diagnosis *d);

/* A statement that is looked at. The functions below each explain one kind of failure: they add to lines, and fill d. */
struct agent_look {
	struct arena *a;
	const struct catalog *c;
	const struct agent_statement *t;
	const struct err *e;
	size_t at; /* the token that failed, or t->n */
	struct agent_diagnosis *d;
	struct buf *lines;
	const struct agent_ways *ways; /* from what a level sees, once it was asked for */
	size_t ways_level;
};

/* diagnose_name.c. A name as it stands in the statement at a token: qualifier may be NULL. */
struct agent_name {
	const char *qualifier;
	const char *name;
	size_t first; /* its tokens */
	size_t last;
};
bool agent_name_at(const struct agent_look *l, size_t token, struct agent_name *out);
/* What the error is about: by its position, else by what its message quotes. */
bool agent_subject(const struct agent_look *l, struct agent_name *out);
/* What a level sees under that name or alias, and what it sees of that table; NULL when there is none. */
const struct agent_rel *agent_rel_called(const struct agent_look *l, size_t level, const char *name);
const struct agent_rel *agent_rel_of(const struct agent_look *l, size_t level,
                                     const struct catalog_table *table);
const struct catalog_column *agent_column_of(const struct catalog_table *t, const char *name);
/* The column that such a name is, in what its level sees; false when none is known. */
bool agent_resolve(const struct agent_look *l, const struct agent_name *name, struct agent_fit *out,
                   const struct agent_rel **rel);
/* The text between the nth pair of double quotes of a message, or NULL. */
const char *agent_quoted(struct arena *a, const char *message, size_t nth);
/* A column as the statement can write it: "o.total"; where its table is not in FROM, "orders.total". */
const char *agent_write(struct agent_look *l, const struct agent_fit *fit, size_t level);
/* "JOIN customers ON orders.customer_id = customers.id", from what the level sees to that table; NULL when it is there,
 * or no way is known. */
const char *agent_join_text(struct agent_look *l, size_t level, const struct catalog_table *to);
/* The steps of that way; 0 for none. */
size_t agent_way_to(struct agent_look *l, size_t level, const struct catalog_table *to,
                    struct agent_link path[static AGENT_PATH]);
void agent_suggest(struct agent_look *l, struct agent_fit fit);
void agent_put_suggestions(struct agent_look *l, const char *before, size_t level);
void agent_put_columns(struct agent_look *l, const struct catalog_table *t);

/* diagnose_column.c, diagnose_table.c */
enum {
	AGENT_NEAR = 55,  /* least score of a name that is told */
	AGENT_CLEAR = 88, /* from here on it is what was meant */
};
void agent_unknown_column(struct agent_look *l);
void agent_ambiguous_column(struct agent_look *l);
void agent_unknown_table(struct agent_look *l);

/* diagnose_type.c: operators and functions on the wrong types, and values of the wrong form. */
void agent_wrong_type(struct agent_look *l);
void agent_wrong_value(struct agent_look *l);
/* diagnose_form.c: grammar, grouping, dialects. */
void agent_syntax(struct agent_look *l);
void agent_grouping(struct agent_look *l);
void agent_wrong_function(struct agent_look *l);
void agent_wrong_cast(struct agent_look *l);
void agent_division(struct agent_look *l);
void agent_other(struct agent_look *l);

#endif
