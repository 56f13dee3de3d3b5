/*
 * Errors are values: NULL is good. The same value becomes the page, the JSON answer, the log line and
 * the text by which the model corrects itself. Messages follow PostgreSQL's style: the message in
 * lower case without a full stop says what could not be done to which object ("could not" if it may work
 * later, "cannot" if never); the detail states facts in sentences; the hint says what to do.
 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))

/* For functions that hold only arena memory. */
#define TRY(call) \
	do { \
		struct err *try_err_ = (call); \
		if (try_err_) \
			return try_err_; \
	} while (0)

struct arena;

enum err_kind {
#define ERR(kind, status, model, title) ERR_##kind,
#include "lib/err.def"
#undef ERR
	ERR__MAX
};

struct err {
	enum err_kind kind;
	const char *code;    /* machine-readable cause within the kind ("function_not_allowed"), or NULL */
	const char *message; /* never NULL */
	const char *detail;  /* or NULL */
	const char *hint;    /* or NULL */
	int position;        /* 1-based character in the text it is about, 0 if none */
	int retry_after;     /* seconds, 0 if unknown */
	const struct err *cause;
	struct arena *a; /* what the texts live in */
};

/* A new error in the arena. */
struct err *err_new(struct arena *a, enum err_kind kind, const char *fmt, ...)
        __attribute__((format(printf, 3, 4), returns_nonnull));

/* Fill in one more field and return e, so that they chain: return err_hint(err_new(...), ...). */
struct err *err_code(struct err *e, const char *code) __attribute__((returns_nonnull));
struct err *err_detail(struct err *e, const char *fmt, ...)
        __attribute__((format(printf, 2, 3), returns_nonnull));
struct err *err_hint(struct err *e, const char *fmt, ...)
        __attribute__((format(printf, 2, 3), returns_nonnull));
struct err *err_at(struct err *e, int position) __attribute__((returns_nonnull));
struct err *err_cause(struct err *e, const struct err *cause) __attribute__((returns_nonnull));

/* The error and its causes in another arena, for one whose own ends sooner; NULL for NULL. */
MUST_CHECK struct err *err_copy(struct arena *a, const struct err *e);

/* Columns of err.def. err_name() gives "not_found". */
int err_status(enum err_kind kind);
bool err_model_may_see(enum err_kind kind);
const char *err_title(enum err_kind kind);
const char *err_name(enum err_kind kind);

/* "message: detail (hint)" in one line, for logs and terminals; in the arena of e. */
const char *err_text(const struct err *e);

#endif
