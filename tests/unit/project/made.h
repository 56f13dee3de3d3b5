/* Projects for tests. */
#ifndef PROJECT_MADE_H
#define PROJECT_MADE_H

#include "project/project.h"

/* A context on a fresh database, with a key. */
struct ctx *made_ctx(void);
/* Replaces the key of a context by another one. */
void made_other_key(struct ctx *ctx);

/* A project and a source that can be saved; password "sesame". */
struct project made_project(const char *slug);
struct project_source made_source(void);
/* Saves them; the id of the project. */
int64_t made_saved(struct ctx *ctx, const char *slug);
/* Adds an account as it stands in the database; its id. */
int64_t made_person(const char *email, bool is_admin);

/* An error of that kind and code; any code for NULL. */
#define assert_err_code(call, kind_, code_) \
	do { \
		struct err *e_ = (call); \
		const char *want_ = (code_); \
		if (!e_) \
			fail_msg("%s: no error", #call); \
		assert_string_equal(err_name(e_->kind), err_name(kind_)); \
		if (want_) \
			assert_string_equal(e_->code ? e_->code : "none", want_); \
	} while (0)

#endif
