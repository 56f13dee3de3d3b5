/* Inside cli/: what a terminal gets. */
#ifndef CLI_PLAIN_PRIV_H
#define CLI_PLAIN_PRIV_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/str.h"

/* Whether escape sequences belong there: a terminal that knows them, and a person who did not refuse them by NO_COLOR. */
bool plain_colours(int fd);

/* Characters of a line of the terminal there; 0 where there is none. */
size_t plain_width(int fd);

/* Bytes of the control character at s.p[i], 0 for none. Tabs and ends of lines are none. */
size_t plain_control(struct str s, size_t i);

/* Text of data and model, without control characters: it moves no cursor and sets no title. */
void plain_put(FILE *f, struct str s);

#endif
