/* What a unit test file includes, and how it announces itself: see README.md. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/str.h"

struct arena;

struct unit_suite {
	const char *file;
	const struct CMUnitTest *tests;
	size_t n;
};

/* Registers an array of tests with the runner: no list to edit elsewhere. */
#define UNIT_SUITE(array) \
	static const struct unit_suite unit_suite_ = {__FILE__, (array), \
	                                              sizeof(array) / sizeof((array)[0])}; \
	__attribute__((used, \
	               section("unit_suites"))) static const struct unit_suite *const unit_suite_ref_ = \
	        &unit_suite_

/* Ends the test as skipped and says why. The bare skip() of cmocka is not available: it tells nobody. */
#undef skip
#define unit_skip(why) (unit_note_skip(why), _skip(__FILE__, __LINE__))
void unit_note_skip(const char *why);

/* The path of a shared data file, below $QUERN_SHARED or ../shared; frees the test's arena and skips the test if it is not
 * there. */
#define unit_shared(a, path) \
	(unit_has_shared((a), (path)) ? unit_shared_path((a), (path)) \
	                              : (arena_free((a)), unit_skip("no shared " path), (char *)NULL))
int unit_has_shared(struct arena *a, const char *path);
char *unit_shared_path(struct arena *a, const char *path);

/* A whole file in the arena; a file that cannot be read fails the test. */
struct str unit_file(struct arena *a, const char *path);

/* What a fallible call gave: no error, or one of that kind. */
#define assert_ok(call) \
	do { \
		struct err *e_ = (call); \
		if (e_) \
			fail_msg("%s: %s", #call, err_text(e_)); \
	} while (0)
#define assert_err(call, kind_) \
	do { \
		struct err *e_ = (call); \
		if (!e_) \
			fail_msg("%s: no error", #call); \
		assert_string_equal(err_name(e_->kind), err_name(kind_)); \
	} while (0)

/* A str equals a C string. */
#define assert_str(s, expected) assert_string_equal(unit_cstr(s), (expected))
const char *unit_cstr(struct str s);

#endif
