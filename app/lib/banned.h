/*
 * Calls that do not compile here. Included by every translation unit of app/ through the Makefile, before
 * its own includes: the headers that declare these names come first, so that only our calls are hit.
 */
#ifndef LIB_BANNED_H
#define LIB_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef strcpy
#define strcpy(...) banned_use_arena_strdup()
#undef strcat
#define strcat(...) banned_use_buf_add()
#undef strncpy
#define strncpy(...) banned_use_arena_strndup()
#undef strncat
#define strncat(...) banned_use_buf_add()
#undef sprintf
#define sprintf(...) banned_use_buf_printf()
#undef vsprintf
#define vsprintf(...) banned_use_buf_vprintf()
#undef strtok
#define strtok(...) banned_use_str_chop()
#undef atoi
#define atoi(...) banned_use_str_to_i64()
#undef atol
#define atol(...) banned_use_str_to_i64()
#undef atof
#define atof(...) banned_use_strtod()
#undef gets
#define gets(...) banned_use_fgets()
#undef localtime
#define localtime(...) banned_use_gmtime_r()
#undef gmtime
#define gmtime(...) banned_use_gmtime_r()
#undef ctime
#define ctime(...) banned_use_clock_rfc3339()
#undef asctime
#define asctime(...) banned_use_clock_rfc3339()
#undef system
#define system(...) banned_use_posix_spawn()
#undef popen
#define popen(...) banned_use_posix_spawn()
#undef rand
#define rand(...) banned_use_crypto_token()

#endif
